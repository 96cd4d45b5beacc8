"""What the model is sent beside a failed cell's error: the kind of failure, and how to mend it."""
