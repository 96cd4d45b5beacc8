"""Between Jupyter's clients and a path's kernel: every message stored, none lost."""
