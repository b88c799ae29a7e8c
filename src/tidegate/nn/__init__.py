"""Modules with parameters: drop-ins for ``torch.nn``, and `Recurrent` for every other cell."""

from tidegate.nn.dropin import GRU, LSTM, RNN
from tidegate.nn.explain_layers import LayersExplained
from tidegate.nn.interop.convert import to_torch
from tidegate.nn.layered import Layered
from tidegate.nn.record.labelled_trace import Trace
from tidegate.nn.recurrent import Recurrent
from tidegate.nn.step_cells import GRUCell, LSTMCell, RNNCell
from tidegate.nn.stepping.prepacked import prepack
from tidegate.nn.stepping.rounded import round_to_int8_
from tidegate.nn.stepping.stepper import Stepper
from tidegate.nn.summary import Summary, summary
from tidegate.nn.swapping.swap import Swapped, SwappedLayer, swap

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "GRUCell",
    "LSTMCell",
    "Layered",
    "LayersExplained",
    "RNNCell",
    "Recurrent",
    "Stepper",
    "Summary",
    "Swapped",
    "SwappedLayer",
    "Trace",
    "prepack",
    "round_to_int8_",
    "summary",
    "swap",
    "to_torch",
]
