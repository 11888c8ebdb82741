"""The whole way: real tmux panes, our monitor, our collector, the real backends, each asked over its own query API."""
