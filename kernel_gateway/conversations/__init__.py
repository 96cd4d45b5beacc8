"""What happens to whole conversations and paths."""
