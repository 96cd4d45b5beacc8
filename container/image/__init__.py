"""The image of the Docker backend."""
