"""``tidegate build --int8`` says what 8 bits cost on text that the run was not trained on."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from scipy.io import wavfile

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


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "data", "unit"),
    [
        ("classify", None, "nats per example"),
        ("tag", "sample:python-highlighting", "nats per character"),
        ("forecast", "sample:mackey-glass", "nats per step"),
        ("regress", "sample:amplifier", "squared error per value"),
    ],
)
def test_the_cost_of_other_tasks(cli: Cli, task: str, data: str | None, unit: str, tmp_path: Path) -> None:
    if data is None:
        rows = "".join(f"{'ab'[n % 2] * (2 + n % 5)}c,{'xy'[n % 2]}\n" for n in range(120))
        (tmp_path / "rows.csv").write_text("text,label\n" + rows)
        data = str(tmp_path / "rows.csv")
    options = "--hidden-size 8 --steps 3 --warmup-steps 1 --validate-every 3 --device cpu"
    more = "--character-hidden-size 0" if task == "tag" else ""
    made = cli("train", task, data, "--out", tmp_path / "run", *options.split(), *more.split())
    assert made.exit_code == 0, made.output
    found = cli("build", tmp_path / "run", "--out", tmp_path / "c", "--int8")
    assert found.exit_code == 0, found.output
    said = re.search(r"held-out loss (\S+) -> (\S+) ([a-z ]+) \((\S+)%, [\d,]+ ", found.output)
    assert said, found.output
    before, after = float(said[1]), float(said[2])
    assert said[3] == unit
    assert before == pytest.approx(load_run(tmp_path / "run").validation, rel=0.02)
    assert after == pytest.approx(before, rel=0.05)
    if task in ("classify", "regress"):
        given = tmp_path / "rows.csv"
        if task == "regress":
            given = tmp_path / "new.wav"
            wavfile.write(given, 24000, np.sin(np.arange(2000) / 20).astype(np.float32))
        found = cli("build", tmp_path / "run", "--out", tmp_path / "fixed", "--int8", "--calibrate", given)
        assert found.exit_code == 0, found.output


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler on this machine")
def test_scales_of_a_file(cli: Cli, run_folder: Path, text_file: Path, tmp_path: Path) -> None:
    found = cli("build", run_folder, "--out", tmp_path / "c", "--int8", "--calibrate", text_file)
    assert found.exit_code == 0, found.output
    assert "to_int8_by_scale_(h_prev" in (tmp_path / "c" / "model.c").read_text()


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--calibrate", "text"], "give it with --int8"), (["--int8", "--calibrate", "none.txt"], "does not exist")],
)
def test_what_is_refused(cli: Cli, run_folder: Path, options: list[str], words: str, tmp_path: Path) -> None:
    found = cli("build", run_folder, "--out", tmp_path / "c", *options)
    assert found.exit_code == 2
    assert words in " ".join(found.output.split())
    assert not (tmp_path / "c").exists()
