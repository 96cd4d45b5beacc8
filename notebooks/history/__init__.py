"""Earlier contents of files, stored encrypted."""
