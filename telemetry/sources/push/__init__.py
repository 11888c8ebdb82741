"""Agents that report themselves."""
