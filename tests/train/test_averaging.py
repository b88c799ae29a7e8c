"""Averages of parameters against torch's ASGD, and their trigger against the paper's list of losses."""

import numpy as np
import pytest
import torch
from torch import nn

from tidegate.io.tensor_files import layout_of
from tidegate.train.optimization.averaging import Averages, average_layout


def triggers(losses: list[float], after: int) -> int | None:
    """The validation that begins to average: the condition of Merity et al. 2018, algorithm 1, on the whole list."""
    logs: list[float] = []
    for number, loss in enumerate(losses):
        if number > after and loss > min(logs[: number - after]):
            return number
        logs.append(loss)
    return None


@pytest.mark.parametrize("after", [1, 2, 5])
@pytest.mark.parametrize("seed", range(8))
def test_averaging_begins_where_the_papers_condition_first_holds(after, seed):
    draws = np.random.default_rng(seed)
    losses = list(draws.normal(size=25) * 0.3 - np.arange(25) * draws.uniform(0, 0.2))
    model = nn.Linear(2, 1)
    averages, begun = Averages(model, after), None
    for number, loss in enumerate(losses):
        averages.observe(loss)
        averages.add()
        if begun is None and int(averages.tensors()["count"]) > 0:
            begun = number
    assert begun == triggers(losses, after)


def test_the_mean_is_that_of_torchs_asgd():
    torch.manual_seed(0)
    model = nn.Linear(3, 2).double()
    optimizer = torch.optim.ASGD(model.parameters(), lr=0.3, lambd=0.0, t0=0)
    averages = Averages(model, 1)
    for loss in (1.0, 0.5, 2.0):
        averages.observe(loss)
    for step in range(7):
        model(torch.randn(4, 3, dtype=torch.float64)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        if step:  # torch gives its first two steps the weight 1, so that its mean is that from the second on
            averages.add()
    own = [it.detach().clone() for it in model.parameters()]
    with averages.in_use():
        for parameter in model.parameters():
            # Its weights are float32 numbers, whatever the parameters are.
            torch.testing.assert_close(parameter.detach(), optimizer.state[parameter]["ax"], rtol=1e-6, atol=1e-6)
    torch.testing.assert_close([it.detach() for it in model.parameters()], own, rtol=0, atol=0)


def test_state_is_what_its_layout_says_before_and_after_the_trigger():
    model = nn.Linear(3, 2)
    parameters = layout_of(dict(model.named_parameters()))
    averages = Averages(model, 2)
    before, after = average_layout(parameters, 2)
    assert layout_of(averages.tensors()) == before
    for loss in (1.0, 2.0, 3.0, 4.0):
        averages.observe(loss)
    averages.add()
    assert layout_of(averages.tensors()) == after
    assert Averages(model, None).tensors() == {}
