"""What is checked after a cell has run."""
