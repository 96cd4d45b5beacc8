"""Kernels forked from a process that has already imported everything."""
