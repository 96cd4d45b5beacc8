"""Compute the formulas of a workbook and store their values in it; nothing else changes."""
