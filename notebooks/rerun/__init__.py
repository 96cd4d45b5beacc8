"""Re-runs a notebook and compares the results with the record."""
