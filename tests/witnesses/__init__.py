"""Outside witnesses: the papers' equations in NumPy, one step at a time, sharing nothing with the engine."""

from collections.abc import Iterable
from typing import Any

import pytest
from tests.witnesses.elman import indrnn, rnn_relu, rnn_tanh
from tests.witnesses.gru import gru, gru_original, gru_original_z_new, gru_z_new, mgu, ugrnn
from tests.witnesses.irregular_times import cfc, gru_d, phased_lstm, time_lstm
from tests.witnesses.layer_norm import layer_norm_lstm
from tests.witnesses.light import janet, li_gru, sru
from tests.witnesses.lstm import coupled_lstm, lstm, peephole_lstm
from tests.witnesses.minimal import min_gru, min_lstm
from tests.witnesses.odyssey import (
    odyssey_cifg,
    odyssey_fgr,
    odyssey_nfg,
    odyssey_niaf,
    odyssey_nig,
    odyssey_noaf,
    odyssey_nog,
)
from tests.witnesses.ordered import on_lstm
from tests.witnesses.paper import Paper
from tests.witnesses.xlstm import slstm

_ALL = (
    rnn_tanh,
    rnn_relu,
    lstm,
    peephole_lstm,
    coupled_lstm,
    layer_norm_lstm,
    odyssey_nig,
    odyssey_nfg,
    odyssey_nog,
    odyssey_niaf,
    odyssey_noaf,
    odyssey_cifg,
    odyssey_fgr,
    gru,
    gru_original,
    gru_z_new,
    gru_original_z_new,
    mgu,
    ugrnn,
    min_gru,
    min_lstm,
    indrnn,
    janet,
    li_gru,
    sru,
    cfc,
    time_lstm,
    gru_d,
    phased_lstm,
    on_lstm,
    slstm,
)
PAPERS: dict[str, Paper] = {paper.name: paper for paper in _ALL}
RECENT = ("cfc", "time_lstm", "gru_d", "phased_lstm", "on_lstm", "slstm")
"""Cells that differ from others in nothing but their equations, which `tests/engine/test_parity_papers.py` checks."""


def recent_ones_slow(names: Iterable[str]) -> list[Any]:
    """Parameters of a test of all cells, of which the recent ones are among the slow tests."""
    return [pytest.param(name, marks=[pytest.mark.slow] if name in RECENT else []) for name in names]
