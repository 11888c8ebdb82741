"""Claude Code's sessions and teams."""
