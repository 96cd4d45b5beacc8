"""A kernel's files: safe access, listings, copies."""
