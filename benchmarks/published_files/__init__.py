"""Trained networks that packages on PyPI ship, read by `tidegate.convert.read` and compared with their own runtime."""
