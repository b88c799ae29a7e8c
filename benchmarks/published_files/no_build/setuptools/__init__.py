"""Stands in for setuptools while pip downloads an sdist, so that its setup.py is not run."""
