"""Exports of a notebook: `formats.EXPORTS` maps each to its renderer."""
