"""Finds what bears on a request: past turns, Excel functions, names in workbooks."""
