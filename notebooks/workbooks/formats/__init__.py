"""Formats of table files: what a file is, and one reader for each kind."""
