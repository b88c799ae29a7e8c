"""Networks over sequences that hold no layer of torch.nn's LSTM, GRU or RNN, told by the names of their tensors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple


class Foreign(NamedTuple):
    """A kind of network that is not read.

    Attributes:
        pattern: what some of its tensors are called.
        what: the kind, as it ends "att.time_decay belongs to".
        advice: what to do with such a file.
    """

    pattern: re.Pattern[str]
    what: str
    advice: str


OWN_PROGRAM = "run it with the program that it was trained with"
WRITE = "write its equations as a cell (tidegate.cell) and load the weights into a tidegate.nn.Recurrent of it"

NETWORKS = [
    Foreign(re.compile(pattern), what, advice)
    for pattern, what, advice in (
        (r"time_(mix|decay|first|faaaa|maa)", "an RWKV", OWN_PROGRAM),
        (r"\bA_log$", "a Mamba or another state space model, whose state is a matrix", OWN_PROGRAM),
        (r"\b(log_A_real|Lambda_re|log_dt|inv_dt)$", "an S4 or S5, a state space model", OWN_PROGRAM),
        (r"\b(nu_log|theta_log|gamma_log)$", "an LRU, whose state is complex", OWN_PROGRAM),
        (r"\b(rg_lru|rglru)\b", "a Griffin (RG-LRU) of linear recurrences in a larger block", OWN_PROGRAM),
        (r"\b(mlstm|slstm)(_cell|_layer)?\b|\b[if]gate\.weight$", "an xLSTM, in blocks of their own", OWN_PROGRAM),
        (r"\bweight_c$", "an SRU, whose matrices are stacked in another way", WRITE),
        (r"\bto_hidden_and_gate\b", "a minGRU or minLSTM of another program", WRITE),
        (r"\bqrnn|QRNN", "a QRNN, which convolves its input", WRITE),
        (r"\bcell_list\.\d+\.conv\b", "a ConvLSTM or ConvGRU, whose products are convolutions", OWN_PROGRAM),
        (r"[./]h[ifgoczrn][./]kernel$", "a cell of Flax", "save it under torch's names (weight_ih_l0 ...)"),
        (r"\b(lin(ear)?_(hh|ih)|[ihx]2h|W_?hh|U_[ifgoczrn])\b", "a cell of its author's own", WRITE),
        (r"\b(self_attn|in_proj_weight|q_proj|c_attn)\b", "a Transformer's attention", OWN_PROGRAM),
    )
]  # fmt: skip
"""In the order in which they are looked for: the general ones last."""


def foreign_networks(names: Iterable[str]) -> list[str]:
    """Return a sentence for each kind of network that tensors of these names belong to: what it is, what to do."""
    given = list(names)
    found = []
    for kind in NETWORKS:
        name = next((it for it in given if kind.pattern.search(it)), None)
        if name is not None:
            found.append(f"{name[:200]} belongs to {kind.what}: {kind.advice}")
    return found
