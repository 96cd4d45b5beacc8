"""The native API: one module per resource; each parses, makes one call, renders."""
