"""What makes and checks generated files."""
