"""What one step of a recurrent network computes: equations only, no time, batch, device or weights.

Read `lstm.py` first. `cell` makes a cell of a function; the operations below are what its equations may use.
"""

from tidegate.cells.cell import Cell, cell
from tidegate.cells.compose import projected
from tidegate.cells.expression import Expression
from tidegate.cells.gru import gru, gru_original, gru_original_z_new, gru_z_new
from tidegate.cells.handle import by_handle
from tidegate.cells.lstm import coupled_lstm, lstm, peephole_lstm
from tidegate.cells.minimal import indrnn, mgu, min_gru, min_lstm, ugrnn
from tidegate.cells.operations import (
    OPERATIONS,
    absolute,
    exp,
    log,
    maximum,
    minimum,
    normalize,
    relu,
    sigmoid,
    softplus,
    tanh,
)
from tidegate.cells.registry import CELLS, get_cell
from tidegate.cells.rnn import rnn_relu, rnn_tanh
from tidegate.cells.step import Step

__all__ = [
    "CELLS",
    "OPERATIONS",
    "Cell",
    "Expression",
    "Step",
    "absolute",
    "by_handle",
    "cell",
    "coupled_lstm",
    "exp",
    "get_cell",
    "gru",
    "gru_original",
    "gru_original_z_new",
    "gru_z_new",
    "indrnn",
    "log",
    "lstm",
    "maximum",
    "mgu",
    "min_gru",
    "min_lstm",
    "minimum",
    "normalize",
    "peephole_lstm",
    "projected",
    "relu",
    "rnn_relu",
    "rnn_tanh",
    "sigmoid",
    "softplus",
    "tanh",
    "ugrnn",
]
