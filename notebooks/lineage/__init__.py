"""Lineage: from a cell of a written workbook back to code, variables and rows of the inputs."""
