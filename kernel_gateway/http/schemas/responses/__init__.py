"""What the service sends, as pydantic models."""
