"""Predictions of language models: attribution, breakdown of errors, and comparison of models."""
