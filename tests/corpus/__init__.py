"""Labelled workbooks, made by code: what a careful person would say each sheet holds."""
