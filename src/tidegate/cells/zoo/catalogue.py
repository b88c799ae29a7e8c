"""The cells that come with Tidegate, by name."""

from __future__ import annotations

import difflib

from tidegate.cells.cell import Cell
from tidegate.cells.zoo.gru import gru, gru_original, gru_original_z_new, gru_z_new
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
from tidegate.cells.zoo.rnn import rnn_relu, rnn_tanh
from tidegate.errors import CellError

CELLS: dict[str, Cell] = {
    it.name: it
    for it in (
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
    )
}
"""Every cell that comes with Tidegate, by name."""


def get_cell(cell: str | Cell) -> Cell:
    """The cell of that name, or the cell itself.

    Raises:
        CellError: no cell has that name; the message lists the nearest and all names.
    """
    if isinstance(cell, Cell):
        return cell
    if cell in CELLS:
        return CELLS[cell]
    near = difflib.get_close_matches(str(cell), CELLS, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else "."
    raise CellError(f"no cell is called {cell!r}{guess} The cells are: {', '.join(CELLS)}")
