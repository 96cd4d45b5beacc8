"""What the model can look up without running code: one file for each tool."""
