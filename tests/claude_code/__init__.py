"""The real Claude Code behind a stub of its model: fetched once, started in panes of a test's own tmux server."""
