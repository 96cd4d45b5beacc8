"""Answers as a finance analyst's assistant gives them, with what had been printed before."""
