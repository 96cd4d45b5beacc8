"""The context that a turn gives to the model."""
