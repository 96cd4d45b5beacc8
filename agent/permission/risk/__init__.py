"""The static risk check: three tiers; each finding has its place and reason."""
