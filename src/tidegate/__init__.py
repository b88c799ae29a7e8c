"""Recurrent neural networks with every gate open to view."""
