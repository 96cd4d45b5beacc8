"""Talking to one kernel: a session, its cells, its channels, what it shows."""
