"""What one step of a recurrent network computes: equations only, no time, batch, device or weights.

Read `lstm.py` first. `cell` makes a cell of a function; the operations below are what its equations may use.
"""

from tidegate.cells.cell import Cell, cell
from tidegate.cells.compose import projected, variational_dropout, zoneout
from tidegate.cells.edit import edited
from tidegate.cells.expression import Expression
from tidegate.cells.fill import Fill, Noise, PerUnit
from tidegate.cells.gru import gru, gru_original, gru_original_z_new, gru_z_new
from tidegate.cells.handle import by_handle
from tidegate.cells.layer_norm import layer_norm_lstm
from tidegate.cells.light import janet, li_gru, sru
from tidegate.cells.lstm import coupled_lstm, lstm, peephole_lstm
from tidegate.cells.minimal import indrnn, mgu, min_gru, min_lstm, ugrnn
from tidegate.cells.odyssey import (
    odyssey_cifg,
    odyssey_fgr,
    odyssey_nfg,
    odyssey_niaf,
    odyssey_nig,
    odyssey_noaf,
    odyssey_nog,
)
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
    "Fill",
    "Noise",
    "PerUnit",
    "Step",
    "absolute",
    "by_handle",
    "cell",
    "coupled_lstm",
    "edited",
    "exp",
    "get_cell",
    "gru",
    "gru_original",
    "gru_original_z_new",
    "gru_z_new",
    "indrnn",
    "janet",
    "layer_norm_lstm",
    "li_gru",
    "log",
    "lstm",
    "maximum",
    "mgu",
    "min_gru",
    "min_lstm",
    "minimum",
    "normalize",
    "odyssey_cifg",
    "odyssey_fgr",
    "odyssey_nfg",
    "odyssey_niaf",
    "odyssey_nig",
    "odyssey_noaf",
    "odyssey_nog",
    "peephole_lstm",
    "projected",
    "relu",
    "rnn_relu",
    "rnn_tanh",
    "sigmoid",
    "softplus",
    "sru",
    "tanh",
    "ugrnn",
    "variational_dropout",
    "zoneout",
]
