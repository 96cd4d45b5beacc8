"""The shim: the process that owns zygote and kernels, and outlives whoever asked for them."""
