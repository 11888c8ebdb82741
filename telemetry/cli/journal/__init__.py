"""What `logs` reads: the daemon's JSON log files, backwards from their end, and on as they grow."""
