"""Agents in tmux panes."""
