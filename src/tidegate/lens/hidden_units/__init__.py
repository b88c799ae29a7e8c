"""Which hidden unit goes with a property of the text, with controls."""
