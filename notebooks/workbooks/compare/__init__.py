"""Two workbooks, layer by layer: what differs, where, and why."""
