"""Verification that a record was not changed."""
