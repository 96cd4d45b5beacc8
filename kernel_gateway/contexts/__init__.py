"""Execution contexts: the live kernel and workspace of each path."""
