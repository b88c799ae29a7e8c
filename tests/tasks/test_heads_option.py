"""Heads of recurrent layers as a setting: of every task, of any cell that can have them, refused of others in words."""

from typing import Any

import pytest
import torch

from tidegate.data.columns import Preprocessing
from tidegate.errors import ArgumentError, CellError
from tidegate.nn import Recurrent
from tidegate.tasks.layers import recurrent
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.task import RegressTask
from tidegate.text import LanguageModel, LanguageModelConfig


@pytest.mark.parametrize("cell", ["lstm", "gru", "slstm"])
def test_layers_of_a_config_are_those_with_heads(cell: str) -> None:
    config = RegressConfig(cell=cell, hidden_size=6, num_layers=2, heads=3)
    torch.manual_seed(0)
    made = recurrent(config, 5, backend="reference")
    torch.manual_seed(0)
    expected = Recurrent(cell, 5, 6, 2, batch_first=True, heads=3, backend="reference")
    assert {name: it.tolist() for name, it in made.state_dict().items()} == {
        name: it.tolist() for name, it in expected.state_dict().items()
    }
    assert made.get_parameter("weight_hh_l1").shape[1] == 2
    numbers = {f"{kind}_mean": [0.0] for kind in ("input", "target")}
    model = RegressTask.make_model(config, Preprocessing(numbers), "reference")
    y, _ = model(torch.randn(7, 2, 1))
    (gradient,) = torch.autograd.grad(y.sum(), [model.recurrent.get_parameter("weight_hh_l0")])
    assert gradient.shape[1] == 2


def test_language_models_have_heads_besides_recurrent_dropout() -> None:
    config = LanguageModelConfig(vocabulary_size=9, layer_sizes="8,4", heads=4, recurrent_dropout=0.5)
    model = LanguageModel(config, backend="reference")
    assert [model.recurrent.get_parameter(f"weight_hh_l{n}").shape[1] for n in (0, 1)] == [2, 1]
    assert model.hidden(torch.zeros(2, 5, dtype=torch.int64))[0].shape == (5, 2, 4)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"heads": 3, "hidden_size": 8}, ArgumentError, "heads is 3, but 8 hidden units cannot be cut into 3 equal"),
        ({"heads": 2, "cell": "indrnn"}, CellError, "Heads of indrnn: it has no recurrent product"),
        ({"heads": 0}, ArgumentError, "heads is 0, but must be at least 1"),
    ],
)
def test_what_cannot_have_heads_is_refused(settings: dict[str, Any], error: type[Exception], message: str) -> None:
    for kind in (RegressConfig, LanguageModelConfig):
        with pytest.raises(error, match=message):
            kind(**settings)
