"""What lies in deploy/: fresh, sound, and proved on the real servers as far as there are any."""
