"""Gateways that share one database and one data directory, each conversation with one owner."""
