"""The static risk check: three tiers, every finding with its place and reason."""
