"""Kernel channels: between a path's kernel and any number of Jupyter clients."""
