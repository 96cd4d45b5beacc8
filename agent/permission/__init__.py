"""Whether code may run: risk, rules, decisions."""
