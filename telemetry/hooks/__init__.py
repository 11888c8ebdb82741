"""Our hooks in Claude Code's settings file: put in, shown, taken out again."""
