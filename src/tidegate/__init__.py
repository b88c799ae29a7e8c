"""Recurrent neural networks in which every gate is open to view.

A cell is its equations, written once (`tidegate.cells`); `tidegate.engine.run` runs it over time; `tidegate.nn` has
drop-ins for ``torch.nn.RNN``, ``LSTM`` and ``GRU``, and `tidegate.nn.Recurrent` for every other cell.
Training, data and the command line are in `tidegate.train`, `tidegate.tasks`, `tidegate.data` and `tidegate.cli`.
"""

from tidegate import cells, engine, errors, nn
from tidegate.cells import Cell, Step, cell
from tidegate.engine import run
from tidegate.nn import summary

__version__ = "0.1.0"

__all__ = ["Cell", "Step", "__version__", "cell", "cells", "engine", "errors", "nn", "run", "summary"]
