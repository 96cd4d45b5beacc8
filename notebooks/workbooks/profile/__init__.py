"""The profile of a workbook: what a careful colleague would note before working with it."""

from .book import profile_file

__all__ = ["profile_file"]
