"""Trained recurrent networks of other programs as modules of Tidegate: `read` a file.

Nothing in a file is run: no pickle, no code, no other program's library for its models.
"""

from tidegate.convert.read_file import read
from tidegate.convert.result import Converted, ConvertedLayer

__all__ = ["Converted", "ConvertedLayer", "read"]
