"""The rooms of the page Datasets; each draws one, and knows nothing of the others."""
