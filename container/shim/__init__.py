"""The shim: the process that owns the zygote and all kernels, and outlives its clients."""
