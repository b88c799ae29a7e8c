"""Counts known from elsewhere: Keras' documentation and torch's own parameters."""

import torch
from torch import nn

import tidegate
from tidegate.nn import GRU, LSTM, RNN, GRUCell, LSTMCell, Recurrent, RNNCell, summary


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.recurrent = Recurrent("lstm", 50, 100)
        self.dense = nn.Linear(100, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.recurrent(x)[1][0][0])


def test_keras_reference_counts() -> None:
    model = Tagger()
    assert [p.numel() for p in model.recurrent.parameters()] == [20_000, 40_000, 400]
    table = summary(model, torch.zeros(7, 2, 50))
    assert [row.parameters for row in table.rows] == [60_400, 303]
    assert table.parameters == table.trainable == 60_703
    assert [row.output_shape for row in table.rows] == [(7, 2, 100), (2, 3)]


def test_torchs_count_for_two_layers_on_one_hot_characters() -> None:
    model = nn.ModuleList([LSTM(65, 128, 2), nn.Linear(128, 65)])
    assert sum(p.numel() for p in model.parameters()) == 240_321
    assert summary(model[0], torch.zeros(2, 1, 65)).parameters == 240_321 - 65 * 129


def test_flops_and_bytes_let_cells_be_compared() -> None:
    rows = {kind.__name__: summary(kind(64, 64), torch.zeros(2, 1, 64)).rows[0] for kind in (RNN, GRU, LSTM)}
    # 2 * 64 * (64 + 64) a gate for the products, and at most a hundredth of that for the rest
    for name, gates in dict(RNN=1, GRU=3, LSTM=4).items():
        products = gates * 2 * 64 * 128
        flops = rows[name].flops
        assert flops is not None
        assert products < flops < 1.05 * products
        weights = 4 * (gates * 64 * 128 + gates * 2 * 64)
        states = 4 * 64 * (1 + 2 * (2 if name == "LSTM" else 1))
        assert rows[name].bytes == weights + states


def test_step_cells_cost_what_a_step_of_their_layer_costs() -> None:
    for layer, step in ((RNN, RNNCell), (GRU, GRUCell), (LSTM, LSTMCell)):
        whole = summary(layer(64, 32, bias=False), torch.zeros(2, 1, 64)).rows[0]
        one = summary(step(64, 32, bias=False), torch.zeros(1, 64)).rows[0]
        assert (one.flops, one.bytes, one.parameters) == (whole.flops, whole.bytes, whole.parameters)
        assert one.flops


def test_summary_leaves_the_model_as_it_was_and_counts_shared_weights_once() -> None:
    model = nn.Sequential(nn.Embedding(11, 8), nn.Linear(8, 11, bias=False))
    model[1].weight = model[0].weight
    model[0].eval()
    table = summary(model, torch.zeros(3, dtype=torch.int64))
    assert table.parameters == 88
    assert (model.training, model[0].training) == (True, False)
    assert not model[1]._forward_hooks
    text = str(table)
    assert "0 (Embedding)" in text
    assert "trainable: 88" in text


def test_exported_at_the_top() -> None:
    assert tidegate.summary is summary
