"""Tie out: rows and sums of the tables that were read against the files that were written.

`journal` notes, in a kernel, what pandas and openpyxl read and write; ``__main__`` measures the
files themselves, in a sandbox; `flow` finds in the code what lies between; `judge` compares.
"""
