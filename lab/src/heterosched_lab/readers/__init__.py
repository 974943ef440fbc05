"""Traces and tables of others, checked: a row that cannot be used is named by file, line and column, and counted."""
