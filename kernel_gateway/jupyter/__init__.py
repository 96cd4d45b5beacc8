"""The Jupyter-compatible API: what Jupyter's own clients call."""
