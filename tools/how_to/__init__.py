"""The how-to pages in docs/how-to: from nothing to the first query, for each backend.

Their words and commands stand here; their answers are what the real servers said (`make how-to`, tests/e2e/how_to.py).
"""
