"""The language model as a task for the loop."""

import numpy as np
import pytest
import torch
from torch import nn

from tidegate.errors import ArgumentError
from tidegate.text.model import LanguageModelConfig
from tidegate.text.task import LanguageModelTask

TEXT = np.random.default_rng(0).integers(0, 7, 1000).astype(np.uint8)


def task_of(**options) -> LanguageModelTask:
    defaults = {"prediction_name": "character", "batch_size": 6, "k1": 10, "k2": 10}
    return LanguageModelTask(LanguageModelConfig(7, hidden_size=5), TEXT[:900], TEXT[900:], **(defaults | options))


@pytest.mark.parametrize(("k1", "k2"), [(10, 10), (7, 20), (30, 8), (1000, 1000)])
def test_units_count_every_prediction_of_an_epoch_once(k1, k2):
    batches = task_of(k1=k1, k2=k2).batches(0, 1)
    counts = [batches.predictions(0, index) for index in range(len(batches))]
    assert sum(counts) == 6 * ((900 - 1) // 6)
    assert counts == [batches.batch(0, index).new * 6 for index in range(len(batches))]


def test_processes_share_the_streams():
    task = task_of()
    whole = task.batches(0, 1).batch(0, 3)
    parts = [task.batches(rank, 3).batch(1, 3) for rank in range(3)]
    assert np.array_equal(np.concatenate([part.inputs for part in parts]), whole.inputs)
    assert task.batches(1, 3).predictions(0, 3) == task.batches(0, 1).predictions(0, 3)


def test_carried_state_goes_through_a_loss_and_keeps_its_layout():
    task = task_of(feeding="sampled")
    model = task.new_model()
    start = task.start(model, 0, 2)
    assert {name: tuple(it.shape) for name, it in start.items()} == {
        "h": (1, 3, 5),
        "c": (1, 3, 5),
        "own prediction": (3,),
    }
    loss = task.loss(model, task.batches(0, 2).batch(0, 0), start, 1.0)
    assert {name: (it.shape, it.dtype) for name, it in loss.carried.items()} == {
        name: (it.shape, it.dtype) for name, it in start.items()
    }
    assert loss.carried["own prediction"].min() >= 0
    assert not any(it.requires_grad for it in loss.carried.values())
    assert loss.mean.requires_grad


def test_validation_is_limited_on_request_and_none_without_a_part():
    task = task_of(validation_tokens=41)
    found = task.validate(task.new_model())
    assert found is not None
    assert found.predictions == 40
    bare = LanguageModelTask(
        LanguageModelConfig(7), TEXT, TEXT[:1], prediction_name="character", batch_size=1, k1=10, k2=10
    )
    assert bare.validate(bare.new_model()) is None


def test_another_model_is_refused():
    with pytest.raises(ArgumentError, match="Linear"):
        task_of().validate(nn.Linear(1, 1))


def test_build_is_a_function_of_torchs_seed():
    task = task_of()
    torch.manual_seed(5)
    one = task.new_model().state_dict()
    torch.manual_seed(5)
    torch.testing.assert_close(task.new_model().state_dict(), one, rtol=0, atol=0)
