"""A run that is looked at: its model, its texts or examples, and answers kept for later."""
