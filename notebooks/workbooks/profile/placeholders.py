"""Texts that people write where a value is missing."""

PLACEHOLDERS = frozenset(
    """- -- — – n/a na n.a. n.a #n/a nan null none nil tbd tbc tba . .. ... x ? k.a. ./. entfällt
    s.o. n.v. n.d. nd keine pending open""".split()
)
