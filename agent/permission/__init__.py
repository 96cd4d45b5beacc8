"""Decide whether code may run: risk check, rules, the user's permission."""
