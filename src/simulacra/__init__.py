"""Simulacra trains, measures, compares and explores small generative models of images."""

__version__ = "0.1.0"
