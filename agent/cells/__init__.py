"""One cell: it runs, its outputs are guarded and recorded, its files checked."""
