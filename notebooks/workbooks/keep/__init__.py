"""Keep the parts of a workbook that a writer does not know, and name those that are lost."""
