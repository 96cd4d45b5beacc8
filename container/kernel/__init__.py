"""Talk to one kernel: its session, cells, channels and outputs."""
