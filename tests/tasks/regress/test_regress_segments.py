"""Segments and windows: every step counts once, and a window's loss is the one of an unbroken run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.data.columns import Part
from tidegate.data.ragged_array import Rows
from tidegate.errors import ArgumentError, CorpusTooSmallError
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.segments import SegmentBatches, cut
from tidegate.tasks.regress.task import RegressTask


def part_of(lengths: list[int], targets: int = 1) -> Part:
    draw = np.random.default_rng(0)
    made: dict[str, list[Any]] = {"inputs": [], "targets": [], "weights": [], "skip": []}
    for n, length in enumerate(lengths):
        made["inputs"].append((1000 * n + np.arange(length, dtype=np.float32))[:, None])
        made["targets"].append(draw.normal(0, 1, (length, targets)).astype(np.float32))
        made["weights"].append(np.full((1, targets), 1 + n, np.float32))
        made["skip"].append(np.array([0]))
    return Part({name: Rows(rows) for name, rows in made.items()})


def batches_of(part: Part, rows: int = 4, k1: int = 5, burn_in: int = 3, size: int | None = 11, **more: int) -> Any:
    return SegmentBatches(part, rows, k1, burn_in, size, **({"k2": k1, "seed": 1, "rank": 0, "world": 1} | more))


@pytest.mark.parametrize("lengths", [[100], [7, 4, 50, 13, 3], [11, 22, 33]])
@pytest.mark.parametrize(("size", "burn_in"), [(11, 3), (1, 0), (40, 2)])
def test_every_step_after_a_burn_in_is_in_one_segment(lengths: list[int], size: int, burn_in: int) -> None:
    counted = [np.zeros(length, int) for length in lengths]
    for it in cut(lengths, size, burn_in):
        assert it.start >= 0
        assert it.skip >= burn_in
        counted[it.series][it.start + it.skip : it.end] += 1
    for steps in counted:
        assert (steps[:burn_in] == 0).all()
        assert (steps[burn_in:] == 1).all()


@pytest.mark.parametrize("size", [None, 11, 4])
def test_an_epoch_has_every_known_target_once(size: int | None) -> None:
    part = part_of([60, 4, 17, 3, 29])
    made = batches_of(part, size=size)
    orders = []
    for epoch in (0, 1):
        seen: list[float] = []
        ends: dict[int, float] = {}  # the last step that was read in each row
        for index in range(len(made)):
            window = made.batch(epoch, index)
            known = window.targets.isfinite()
            assert int(known.sum()) == made.predictions(epoch, index) == window.share
            assert not known[: window.burn_in].any()
            rows = window.inputs.shape[1]
            lengths = [len(window.inputs)] * rows if window.lengths is None else window.lengths.tolist()
            for row, length in enumerate(lengths):
                steps = window.inputs[:length, row, 0].tolist()
                if length:
                    assert steps == list(np.arange(steps[0], steps[0] + length))
                    assert window.first or steps[0] == ends[row] + 1
                    ends[row] = steps[-1]
            seen += window.inputs[known[..., 0]][:, 0].tolist()
        expected = [1000.0 * n + t for n, length in enumerate((60, 4, 17, 3, 29)) for t in range(3, length)]
        assert sorted(seen) == expected
        orders.append(seen)
    if size is not None:
        assert orders[0] != orders[1]
    again = batches_of(part, size=size)
    assert torch.equal(again.batch(1, 2).inputs, made.batch(1, 2).inputs)


def test_processes_share_the_rows_and_the_divisor() -> None:
    part = part_of([60, 4, 17, 29])
    whole, shares = batches_of(part), [batches_of(part, rank=rank, world=2) for rank in (0, 1)]
    assert [len(it) for it in shares] == [len(whole)] * 2
    for index in range(len(whole)):
        window, parts = whole.batch(0, index), [it.batch(0, index) for it in shares]
        assert all(it.share == window.share / 2 for it in parts)
        assert sum(int(it.targets.isfinite().sum()) for it in parts) == int(window.targets.isfinite().sum())
    with pytest.raises(ArgumentError, match="cannot be divided equally among 3 processes"):
        batches_of(part, world=3)
    with pytest.raises(CorpusTooSmallError, match="give longer series or a smaller --burn-in"):
        batches_of(part_of([3, 2]))


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("loss", ["squared", "absolute", "huber", "esr", "nse"])
def test_windows_with_the_state_handed_on_are_one_run(cell: str, loss: Any) -> None:
    """The sum over windows is the loss of the whole series; that of one window has its gradients, too."""
    part = part_of([43], targets=2)
    task, model = task_and_model(part, cell, loss)
    columns = {name: _padded(part, name) for name in part.columns}
    columns["skip"].values[:] = 3
    whole = task.summed_loss(model, columns, 0.0)

    def total(k1: int, k2: int) -> torch.Tensor:
        return torch.stack(losses(task, model, batches_of(part, rows=1, k1=k1, k2=k2, size=None))).sum()

    for k1, k2 in ((7, 7), (7, 16), (7, 3), (5, 100)):
        assert total(k1, k2).item() == pytest.approx(whole.item(), rel=1e-5)
    assert not any(it.requires_grad for it in model.zero_state(1))
    one = torch.autograd.grad(total(40, 40), list(model.output.parameters()))
    for mine, true in zip(one, torch.autograd.grad(whole, list(model.output.parameters())), strict=True):
        torch.testing.assert_close(mine, true, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("k1", "k2"), [(5, 5), (5, 12), (5, 8), (7, 3), (4, 100)])
@pytest.mark.parametrize("loss", ["squared", "esr"])
def test_gradients_go_back_k2_steps(k1: int, k2: int, loss: Any) -> None:
    """Beside a run that is unbroken but for detached states; the burn-in of three steps never has a gradient."""
    part, burn_in = part_of([43], targets=2), 3
    task, model = task_and_model(part, "gru", loss)
    model.double()
    made = batches_of(part, rows=1, k1=k1, k2=k2, burn_in=burn_in, size=None)
    found = losses(task, model, made, scale=0.05)
    x, y = (_padded(part, name).values.double().transpose(0, 1) for name in ("inputs", "targets"))
    x, weights = 0.05 * x, list(model.recurrent.parameters())
    for index, own in enumerate(found):
        new = range(burn_in + index * k1, min(burn_in + (index + 1) * k1, 43))
        begin = max(burn_in, burn_in + (index + 1) * k1 - max(k1, k2))
        state, errors = None, torch.zeros(43, 1, 2, dtype=torch.float64)
        for t in range(new.stop):
            with torch.set_grad_enabled(t >= begin):
                value, state = model(x[t : t + 1], None, state)
                errors[t] = torch.where(y[t].isnan() | (t < burn_in), 0.0, value[0] - y[t])
            if t + 1 == begin or (t >= new.start and (t + 1 - new.start) % k2 == 0):
                state = state.detach()
        before = torch.cat([torch.zeros(1, 1, 2), errors[:-1]])
        emphasised = errors - task.config.pre_emphasis * before if loss == "esr" else errors
        expected = emphasised[new.start : new.stop][y[new.start : new.stop].isfinite()].square().sum()
        torch.testing.assert_close(own, expected, rtol=1e-5, atol=1e-5)
        if loss == "squared" or k2 >= k1:  # the error before is detached with the state
            for mine, true in zip(*(torch.autograd.grad(it, weights) for it in (own, expected)), strict=True):
                torch.testing.assert_close(mine, true, rtol=1e-3, atol=1e-3)


def task_and_model(part: Part, cell: str, loss: Any) -> tuple[Any, Any]:
    config = RegressConfig(cell=cell, hidden_size=5, loss=loss)
    part.columns["targets"][0][20:23, 1] = np.nan
    task: Any = object.__new__(RegressTask)
    task.config = config
    torch.manual_seed(0)
    return task, RegressTask.make_model(config, _preprocessing(), None)


def losses(task: Any, model: Any, made: SegmentBatches, scale: float = 1.0) -> list[torch.Tensor]:
    """Return the summed loss of each window of an epoch."""
    carried = dict(zip(model.recurrent.cell.states, model.zero_state(1), strict=True))
    carried["error before"] = model.output.weight.new_zeros(1, 2)
    found = []
    for index in range(len(made)):
        window = made.batch(0, index)
        kind = model.output.weight.dtype
        window = window._replace(inputs=scale * window.inputs.to(kind), targets=window.targets.to(kind))
        result = task.loss(model, window, carried, 0.0)
        carried = result.carried
        found.append(result.mean * window.share)
    return found


def _preprocessing() -> Any:
    from tidegate.data.columns import Preprocessing

    return Preprocessing({"input_mean": [0.0], "target_mean": [0.0, 0.0]}, Path("examples.json"))


def _padded(part: Part, name: str) -> Any:
    from tidegate.data.buckets import pad

    return pad(part.rows([0])[name])
