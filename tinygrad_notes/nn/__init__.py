"""Functions, losses, penalties, start values and layers: what the notes' networks are made of."""
