"""Measurements: each a command that prints its figures, with what they were taken on."""
