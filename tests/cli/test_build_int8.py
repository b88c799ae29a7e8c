"""``tidegate build --int8`` says what 8 bits cost on text that the run was not trained on."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tidegate.train import load_run

Cli = Callable[..., Result]


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
def test_the_cost_on_held_out_text_is_said(cli: Cli, run_folder: Path, tmp_path: Path) -> None:
    found = cli("build", run_folder, "--out", tmp_path / "c", "--int8")
    assert found.exit_code == 0, found.output
    said = re.search(r"held-out loss (\S+) -> (\S+) nats per character \((\S+)%, (\d+) characters", found.output)
    assert said, found.output
    before, after, percent, count = map(float, said.groups())
    assert abs(after - before) < 0.02 * before
    assert abs(percent) < 2
    assert count > 100
    loss = load_run(run_folder).validation
    assert loss is not None
    assert before == pytest.approx(loss, abs=0.02)
    assert "of the same arithmetic in 8 bits in Python" in found.output.replace("\n", " ")


def test_without_a_check_nothing_is_measured(cli: Cli, run_folder: Path, tmp_path: Path) -> None:
    found = cli("build", run_folder, "--out", tmp_path / "c", "--int8", "--no-check")
    assert found.exit_code == 0, found.output
    assert "and what 8 bits cost is not measured" in found.output.replace("\n", " ")
