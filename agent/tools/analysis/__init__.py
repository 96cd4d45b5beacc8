"""``run_analysis``: usual analyses of finance, written as plain code that runs as any cell."""
