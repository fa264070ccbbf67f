"""The tabs of the Datasets page, independent of each other."""
