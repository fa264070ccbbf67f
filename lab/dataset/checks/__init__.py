"""What can be wrong with the clips of a dataset: a table of checks, and how each one is made."""
