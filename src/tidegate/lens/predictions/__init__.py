"""What mattered for a prediction, what is predicted wrongly, and how models differ."""
