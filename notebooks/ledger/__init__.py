"""Proof that a record is what it was."""
