"""Trained models as files for others: formats are data, each a function from a model to named contents of files."""
