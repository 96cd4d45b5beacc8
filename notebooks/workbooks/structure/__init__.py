"""Rows and columns inserted or deleted: what refers to the cells behind them moves along."""
