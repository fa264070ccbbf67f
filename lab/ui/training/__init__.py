"""The rooms of the page Train."""
