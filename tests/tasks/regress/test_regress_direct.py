"""What is added to the output of the recurrent layers: a linear map of the input, the input itself, or nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.data.columns import Preprocessing
from tidegate.errors import ArgumentError
from tidegate.io.records import from_record, to_record
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.model import Regressor
from tidegate.tasks.regress.task import RegressTask

FITTED = {
    "input_mean": [1.0, 2.0],
    "input_deviation": [2.0, 8.0],
    "target_mean": [3.0, -1.0],
    "target_deviation": [4.0, 2.0],
}


def made(direct: Any) -> Regressor:
    config = RegressConfig(hidden_size=3, direct=direct)
    return RegressTask.make_model(config, Preprocessing(FITTED), "reference")


def test_inputs_are_added_in_their_own_units() -> None:
    model, x = made("input"), torch.randn(5, 1, 2)
    with torch.no_grad():
        h, _ = model.recurrent(x)
        added = (model(x)[0] - model.output(h))[:, 0].numpy() * FITTED["target_deviation"]
    np.testing.assert_allclose(added, x[:, 0].numpy() * FITTED["input_deviation"], rtol=1e-5, atol=1e-5)
    assert set(model.state_dict()) == set(made("none").state_dict())
    assert set(made("linear").state_dict()) - set(model.state_dict()) == {"direct.weight"}


def test_nothing_is_added() -> None:
    model, x = made("none"), torch.randn(5, 1, 2)
    with torch.no_grad():
        torch.testing.assert_close(model(x)[0], model.output(model.recurrent(x)[0]))


def test_other_numbers_of_inputs_and_targets_are_refused() -> None:
    with pytest.raises(ArgumentError, match="2 inputs and 1 targets: choose"):
        Regressor(RegressConfig(direct="input"), 2, 1)


def test_runs_made_before_there_was_a_choice_are_read() -> None:
    record = to_record(RegressConfig())
    assert "direct" not in record
    assert from_record(RegressConfig, record, Path("config.json"), "model").direct == "linear"
