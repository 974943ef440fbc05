"""One run, one folder: its configuration, figures, tables, plots and report."""
