"""Thirty recorded tasks of finance that a version of the prompt is measured on."""
