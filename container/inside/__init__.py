"""Code that runs inside the kernel: the only part of the project that a kernel can read."""
