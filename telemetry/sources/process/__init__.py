"""Processes as agents."""
