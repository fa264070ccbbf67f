"""Checks of a dataset's clips: the registry that describes them, and their implementation."""
