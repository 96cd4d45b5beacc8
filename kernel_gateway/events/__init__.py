"""The event log of each path."""
