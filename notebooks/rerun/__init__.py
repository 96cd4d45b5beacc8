"""Run a notebook again and judge what it did."""
