"""The equations of one step of a recurrent network: no time, batch, device or weights.

Read `zoo/lstm.py` first. `cell` turns a function into a cell; its equations may use the operations exported here.
"""

from tidegate.cells.cell import Cell, by_handle, cell, find_cell
from tidegate.cells.compose import projected, variational_dropout, with_heads, zoneout
from tidegate.cells.interventions import intervened
from tidegate.cells.language.expression import Expression
from tidegate.cells.language.operations import (
    OPERATIONS,
    absolute,
    cos,
    cumsum,
    exp,
    log,
    maximum,
    minimum,
    normalize,
    relu,
    sigmoid,
    sin,
    softmax,
    softplus,
    sqrt,
    tanh,
    unit_mean,
    unit_sum,
    where,
)
from tidegate.cells.language.step import Step
from tidegate.cells.mask_defaults import MaskDefault, Noise, PerUnit
from tidegate.cells.zoo.catalogue import CELLS, get_cell, load_cell, register_cell
from tidegate.cells.zoo.gru import gru, gru_original, gru_original_z_new, gru_z_new
from tidegate.cells.zoo.irregular_times import cfc, gru_d, phased_lstm, time_lstm
from tidegate.cells.zoo.layer_norm import layer_norm_lstm
from tidegate.cells.zoo.light import janet, li_gru, sru
from tidegate.cells.zoo.lstm import coupled_lstm, lstm, peephole_lstm
from tidegate.cells.zoo.minimal import indrnn, mgu, min_gru, min_lstm, ugrnn
from tidegate.cells.zoo.odyssey import (
    odyssey_cifg,
    odyssey_fgr,
    odyssey_nfg,
    odyssey_niaf,
    odyssey_nig,
    odyssey_noaf,
    odyssey_nog,
)
from tidegate.cells.zoo.ordered import on_lstm
from tidegate.cells.zoo.rnn import rnn_relu, rnn_tanh
from tidegate.cells.zoo.xlstm import slstm

__all__ = [
    "CELLS",
    "OPERATIONS",
    "Cell",
    "Expression",
    "MaskDefault",
    "Noise",
    "PerUnit",
    "Step",
    "absolute",
    "by_handle",
    "cell",
    "cfc",
    "cos",
    "coupled_lstm",
    "cumsum",
    "exp",
    "find_cell",
    "get_cell",
    "gru",
    "gru_d",
    "gru_original",
    "gru_original_z_new",
    "gru_z_new",
    "indrnn",
    "intervened",
    "janet",
    "layer_norm_lstm",
    "li_gru",
    "load_cell",
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
    "on_lstm",
    "peephole_lstm",
    "phased_lstm",
    "projected",
    "register_cell",
    "relu",
    "rnn_relu",
    "rnn_tanh",
    "sigmoid",
    "sin",
    "slstm",
    "softmax",
    "softplus",
    "sqrt",
    "sru",
    "tanh",
    "time_lstm",
    "ugrnn",
    "unit_mean",
    "unit_sum",
    "variational_dropout",
    "where",
    "with_heads",
    "zoneout",
]
