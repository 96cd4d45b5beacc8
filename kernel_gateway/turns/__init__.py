"""Turns: queued, run, recovered."""
