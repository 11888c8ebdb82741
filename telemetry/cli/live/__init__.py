"""What `status` and `top` show: the daemon's event stream held as a board, and the board read as an overview."""
