"""Where a cell of a written workbook comes from: down to rows of the files that were read.

`target` reads the cell, what labels it, and the cells its formula reads; `replay` runs the
recorded code again with every frame tied to the rows it was read from (`ties`); `search` finds
the rows whose value or sum is the cell's, and `rows` gives their numbers in the file.
"""
