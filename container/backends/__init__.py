"""Sandbox technologies, one module each."""
