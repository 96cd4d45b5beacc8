"""Check a workbook that code has written, before anybody relies on it."""
