"""The network broker: makes, for cells and the model, the HTTP calls that a user allowed."""
