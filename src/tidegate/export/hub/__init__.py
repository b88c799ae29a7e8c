"""A run as a repository of the hub: its files, and a model card that says what it is and how good it is."""
