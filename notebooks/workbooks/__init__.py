"""What is known of a workbook: a file goes in, plain values come out.

The directory is also put on a sandbox's module path by itself, as the package ``workbooks``, so it
imports the standard library and python-calamine, others only where they are used, and its own
modules relatively. Foreign files are read in sandboxes, never in the service's process.
"""
