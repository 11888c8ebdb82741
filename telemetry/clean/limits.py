"""How much of what agents say is let through."""

NAME_LIMIT = 128
TEXT_LIMIT = 8192
VALUE_LIMIT = 4096
"""Longest name, message and string inside a field, in characters."""

DEPTH_LIMIT = 6
ITEM_LIMIT = 100
NODE_LIMIT = 1000
STRINGS_PER_FIELD = 4
"""How deep a field may nest, how many items one container shows, how many values one field holds in all, and how many
of the longest strings."""

LOOKAHEAD = 1024
"""Characters read beyond a limit, so that a secret standing across it is seen whole."""
