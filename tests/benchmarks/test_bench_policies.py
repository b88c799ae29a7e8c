"""The benchmark of recurrent policies: what it says without the libraries, and gradients where they are installed."""

import sys
from typing import Any

import pytest
import torch

from benchmarks import recurrent_policies


def test_missing_libraries_are_named_with_what_installs_them(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(recurrent_policies, "find_spec", lambda name: None if name == "torchrl" else True)
    monkeypatch.setattr(sys, "argv", ["recurrent_policies"])
    with pytest.raises(SystemExit) as end:
        recurrent_policies.main()
    assert end.value.code == 2
    message = f"torchrl cannot be imported. Install the peers: {recurrent_policies.INSTALL}"
    assert message in " ".join(capsys.readouterr().err.split())


def test_gradients_that_differ_are_told() -> None:
    theirs = {"w": torch.tensor([1.0, -2.0])}
    assert recurrent_policies.largest_difference({"w": theirs["w"] + 1e-6}, theirs) < 1e-5
    with pytest.raises(AssertionError, match="gradients differ"):
        recurrent_policies.largest_difference({"w": theirs["w"] + 1e-4}, theirs)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("library", recurrent_policies.LIBRARIES)
@pytest.mark.parametrize("task", recurrent_policies.TASKS)
def test_gradients_are_the_librarys(library: str, task: str) -> None:
    for name in recurrent_policies.NEEDED:
        pytest.importorskip(name)
    row = recurrent_policies.compare_speed(library, task, hidden_size=20, epochs=1, rounds=1)
    assert library in row
