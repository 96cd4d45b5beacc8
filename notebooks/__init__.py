"""Record, verify, export, re-run and compare a path's notebook."""
