"""Frames from files: what pandas reads in a kernel, large sheets included."""
