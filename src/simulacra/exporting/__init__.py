"""Trained models as files for other people and programs."""
