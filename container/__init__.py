"""Run one kernel safely and fast: sandboxes, limits, workspaces, kernel sessions."""
