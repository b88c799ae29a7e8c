"""Pictures of the page for the documentation: ``python -m tools.pictures --help``."""
