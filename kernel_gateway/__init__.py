"""HTTP, websockets, durable conversations, permissions and the command line."""

__version__ = "0.1.0"
