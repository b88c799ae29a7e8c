"""The language model: sizes, feeding of units, carried state."""

from typing import Any

import pytest
import torch
from tests.witnesses import recent_ones_slow
from torch import Tensor, nn

from tidegate.cells import CELLS
from tidegate.errors import ArgumentError, CellError
from tidegate.text.model import LanguageModel, LanguageModelConfig


def model_of(**options: Any) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(LanguageModelConfig(7, hidden_size=5, **options)).eval()


def some_ids(batch: int = 3, length: int = 11, vocabulary: int = 7) -> Tensor:
    return torch.randint(vocabulary, (batch, length), generator=torch.Generator().manual_seed(1))


def test_parameter_count_is_torchs_less_one_bias_per_gate():
    # torch's 2 x 128 LSTM on 65 one-hot inputs with a 65-way output: 240,321, 2 x 4 x 128 of them second biases.
    model = LanguageModel(LanguageModelConfig(65, hidden_size=128, num_layers=2))
    assert sum(it.numel() for it in model.parameters()) == 240_321 - 2 * 4 * 128


def test_logits_equal_torchs_lstm_on_one_hot_vectors():
    model = model_of(num_layers=2)
    peer = nn.LSTM(7, 5, 2, batch_first=True)
    own = dict(model.recurrent.named_parameters())
    with torch.no_grad():
        for name, parameter in peer.named_parameters():
            parameter.copy_(own[name.replace("bias_ih", "bias")] if "bias_hh" not in name else 0 * parameter)
    ids = some_ids()
    output, (h, c) = peer(nn.functional.one_hot(ids, 7).float())
    logits, state = model(ids)
    torch.testing.assert_close(logits, model.output(output))
    torch.testing.assert_close(state, (h, c))


@pytest.mark.parametrize("cell", recent_ones_slow(sorted(CELLS)))
@pytest.mark.parametrize("embedding_size", [None, 4])
def test_whole_run_equals_the_run_in_two(cell, embedding_size):
    model = model_of(cell=cell, num_layers=2, embedding_size=embedding_size)
    ids = some_ids()
    whole, end = model(ids)
    first, state = model(ids[:, :4])
    second, last = model(ids[:, 4:], state)
    assert whole.shape == (3, 11, 7)
    torch.testing.assert_close(torch.cat([first, second], 1), whole)
    torch.testing.assert_close(last, end)


def test_state_is_a_tuple_for_cells_of_one_state_too():
    model = model_of(cell="gru", num_layers=2)
    _, state = model(some_ids())
    assert [it.shape for it in state] == [(2, 3, 5)]
    assert [it.shape for it in model.zero_state(3)] == [(2, 3, 5)]
    torch.testing.assert_close(model(some_ids(), model.zero_state(3)), model(some_ids()))


def test_reset_begins_anew():
    model = model_of(cell="gru")
    ids = some_ids()
    reset = torch.zeros(3, 11, dtype=torch.bool)
    reset[1, 6] = True
    logits, _ = model(ids, reset=reset)
    torch.testing.assert_close(logits[1:2, 6:], model(ids[1:2, 6:])[0])
    torch.testing.assert_close(logits[0], model(ids)[0][0])
    assert not torch.allclose(logits[1, 6:], model(ids)[0][1, 6:])


def test_tied_weights_are_one_parameter():
    model = model_of(embedding_size=5, tie_weights=True)
    assert model.embedding is not None
    assert model.embedding.weight is model.output.weight
    free = model_of(embedding_size=5)
    assert sum(it.numel() for it in free.parameters()) - sum(it.numel() for it in model.parameters()) == 7 * 5


def test_dropout_acts_in_training_only():
    model = model_of(embedding_size=4, dropout=0.5, num_layers=2)
    ids = some_ids()
    torch.testing.assert_close(model(ids), model(ids), rtol=0, atol=0)
    model.train()
    assert not torch.equal(model(ids)[0], model(ids)[0])


def test_forget_bias_and_init_reach_the_layers():
    model = model_of(init="keras", forget_bias=2.5)
    bias = dict(model.recurrent.named_parameters())["bias_l0"]
    assert bias.tolist() == [0.0] * 5 + [2.5] * 5 + [0.0] * 10  # gates i f g o


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary_size": 0}, "vocabulary_size is 0"),
        ({"hidden_size": 0}, "hidden_size is 0"),
        ({"num_layers": -1}, "num_layers is -1"),
        ({"embedding_size": 0}, "embedding_size is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"init": "zeros"}, "init is 'zeros'"),
        ({"tie_weights": True}, "set embedding_size=256"),
        ({"tie_weights": True, "embedding_size": 3}, "they are 3 and 256"),
    ],
)
def test_values_out_of_range_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        LanguageModelConfig(**({"vocabulary_size": 7} | options))


def test_unknown_cell_is_refused_when_the_config_is_made():
    with pytest.raises(CellError, match="lstm"):
        LanguageModelConfig(7, cell="lstn")


def test_shapes_that_do_not_fit_are_refused():
    model = model_of()
    with pytest.raises(ArgumentError, match=r"\(B, T\)"):
        model(torch.zeros(3, dtype=torch.int64))
    with pytest.raises(ArgumentError, match=r"2 tensors \(h, c\), but is 1"):
        model(some_ids(), model.zero_state(3)[:1])
