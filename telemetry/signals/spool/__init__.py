"""The way to the collector through a bounded spool on disk: written first, sent then, kept until it is taken."""
