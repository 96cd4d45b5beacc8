"""One module for each resource: parse, one call, render."""
