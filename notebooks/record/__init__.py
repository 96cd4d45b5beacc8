"""The record: from the intent of a cell to the notebook on disk."""
