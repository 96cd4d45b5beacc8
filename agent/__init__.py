"""Turns: context, code, risk check, run, repair, answer."""
