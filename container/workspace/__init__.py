"""The files of a kernel: containment, sizes, copies."""
