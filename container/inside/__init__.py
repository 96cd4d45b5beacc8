"""Code that runs inside the kernel; it is the only part of the project a kernel can see."""
