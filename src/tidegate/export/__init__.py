"""Ways out: a trained model as a C file, without Python. ``export.c(model, folder)`` writes it."""

from tidegate.export.c.model_folder import c

__all__ = ["c"]
