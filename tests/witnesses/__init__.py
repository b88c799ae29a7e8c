"""Outside witnesses: the papers' equations in NumPy, one step at a time, sharing nothing with the engine."""

from tests.witnesses.elman import indrnn, rnn_relu, rnn_tanh
from tests.witnesses.gru import gru, gru_original, gru_original_z_new, gru_z_new, mgu, ugrnn
from tests.witnesses.lstm import coupled_lstm, lstm, peephole_lstm
from tests.witnesses.minimal import min_gru, min_lstm
from tests.witnesses.paper import Paper

_ALL = (
    rnn_tanh,
    rnn_relu,
    lstm,
    peephole_lstm,
    coupled_lstm,
    gru,
    gru_original,
    gru_z_new,
    gru_original_z_new,
    mgu,
    ugrnn,
    min_gru,
    min_lstm,
    indrnn,
)
PAPERS: dict[str, Paper] = {paper.name: paper for paper in _ALL}
