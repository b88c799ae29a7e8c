"""Windows of random length: as in the program of Merity et al. (2018), with every position read once an epoch."""

import numpy as np
import pytest
import torch
from tests.train.small_runs import model_for, train_in

from tidegate.errors import ArgumentError
from tidegate.text import Streams
from tidegate.text.corpus.stream_batches import RandomWindows
from tidegate.text.model import LanguageModelConfig
from tidegate.text.task import LanguageModelTask
from tidegate.text.truncated_bptt import window_loss
from tidegate.train import load_run
from tidegate.train.randomness import seed_torch

TEXT = np.arange(60_001) % 7


def batches_of(text: np.ndarray = TEXT, *, k1: int = 70, seed: int = 3, **options: int) -> RandomWindows:
    return RandomWindows(Streams(text, 2, k1=k1, k2=k1, **options), seed)


def lengths(batches: RandomWindows, epoch: int) -> np.ndarray:
    return np.array([batches.batch(epoch, index).new for index in range(len(batches))])


def test_an_epoch_reads_every_position_once_in_the_same_number_of_windows():
    batches = batches_of(np.arange(60_001))
    for epoch in range(2):
        windows = [batches.batch(epoch, index) for index in range(len(batches))]
        read = np.concatenate([it.targets for it in windows], 1)
        assert read.tolist() == [list(range(1, 30_001)), list(range(30_001, 60_001))]
        assert [it.first for it in windows] == [True] + [False] * (len(windows) - 1)
        assert [it.new * 2 for it in windows] == [batches.predictions(epoch, n) for n in range(len(windows))]
        assert all(it.new == it.advance == it.inputs.shape[1] for it in windows)
    assert lengths(batches, 0).tolist() != lengths(batches, 1).tolist()


def test_lengths_are_distributed_as_in_the_authors_program():
    ours = np.concatenate([lengths(batches_of(seed=seed), 0) for seed in range(20)])
    draw = np.random.default_rng(5)
    # bptt = args.bptt if random() < 0.95 else args.bptt / 2;  max(5, int(normal(bptt, 5)))
    theirs = np.maximum(5, draw.normal(np.where(draw.random(9000) < 0.95, 70, 35), 5).astype(int))
    assert ours.mean() == pytest.approx(theirs.mean(), rel=0.02)
    assert (ours < 52).mean() == pytest.approx(0.05, abs=0.01)
    assert ours[ours > 52].std() == pytest.approx(5, abs=0.5)
    assert ours.min() >= 5


def test_they_are_a_function_of_seed_and_epoch_and_alike_in_all_processes():
    one, other = batches_of(), batches_of()
    ahead = other.batch(4, 1)  # as after a resume
    assert np.array_equal(one.batch(0, 2).inputs, other.batch(0, 2).inputs)
    assert np.array_equal(one.batch(4, 1).inputs, ahead.inputs)
    assert lengths(one, 0).tolist() != lengths(batches_of(seed=4), 0).tolist()
    ranks = [batches_of(rank=rank, world=2).batch(1, 5).inputs for rank in range(2)]
    assert np.array_equal(np.concatenate(ranks), one.batch(1, 5).inputs)


def test_a_text_of_one_window_is_one_window():
    batches = batches_of(np.arange(31), k1=40)
    assert len(batches) == 1
    assert batches.batch(0, 0).new == 15


def test_the_learning_rate_is_in_proportion_to_the_length():
    task = LanguageModelTask(
        LanguageModelConfig(7, hidden_size=5), TEXT[:500], TEXT[:0], prediction_name="word", batch_size=2, k1=20,
        k2=20, random_windows=True,
    )  # fmt: skip
    batches, model = task.batches(0, 1), task.new_model()
    window = batches.batch(0, 2)
    found = task.loss(model, window, task.start(model, 0, 1), 0.0)
    assert found.rate_factor == window.new / 20 != 1
    plain = window_loss(model, window, model.zero_state(2), torch.full((2,), -1), k2=20)
    assert found.mean.item() == plain.mean.item()


def test_the_step_is_taken_with_that_rate(tmp_path):
    sgd = {"optimizer": "sgd", "learning_rate": 0.5, "clip": None, "weight_decay": 0.0}
    options = {"warmup_steps": 0, "schedule": "constant", "steps": 1, "validate_every": 1}
    train_in(tmp_path / "random", random_windows=True, k1=20, **sgd, **options)
    run = load_run(tmp_path / "random")
    corpus, config = run.open_data(), run.config.train
    task = LanguageModelTask.create(corpus, model_for(corpus), config, 1)
    seed_torch(torch.device("cpu"), config.seed, "initial values")
    model = task.new_model()
    window = task.batches(0, 1).batch(0, 0)
    task.loss(model, window, task.start(model, 0, 1), 0.0).mean.backward()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None
            stepped = parameter - 0.5 * window.new / 20 * parameter.grad
            torch.testing.assert_close(run.model.state_dict()[name], stepped, msg=name)


@pytest.mark.parametrize("options", [{"k1": 9}, {"k1": 20, "k2": 10}])
def test_windows_too_short_or_that_overlap_are_refused(tmp_path, options):
    with pytest.raises(ArgumentError, match="random_windows needs k1 of 10 or more and k2 = k1"):
        train_in(tmp_path / "run", random_windows=True, **options)
