"""The terminal's side of the service: a client over the public API only."""
