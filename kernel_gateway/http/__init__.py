"""HTTP: handlers, schemas, errors, uploads."""
