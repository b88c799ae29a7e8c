"""python -m benchmarks."""

import json

import pytest
import torch
from benchmarks.__main__ import app
from benchmarks.peers import torch_nn
from typer.testing import CliRunner


@pytest.fixture
def cli():
    """Run the command in this process."""
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_figures_on_stdout_and_progress_on_stderr(cli):
    result = cli("--cases", "2x3x4", "--cells", "lstm", "--peers", "torch.nn", "--repeats", 1, "--threads", 1)
    assert result.exit_code == 0, result.stderr
    assert "| lstm | 2x3x4 | inference | torch.nn |" in result.stdout
    assert "LSTM against torch.nn, training" in result.stdout
    assert "[2/2] lstm 2x3x4 training against torch.nn" in result.stderr
    assert "[2/2]" not in result.stdout


def test_a_cell_of_ones_own_is_compared_with_its_function(cli, tmp_path):
    (tmp_path / "own_cells.py").write_text(
        "from tidegate.cells import Step, cell, lstm, tanh, zoneout\n"
        '@cell(gates="n")\n'
        "def plain(x, r):\n"
        "    return Step(h=tanh(x.n + 0.5 * r.n))\n"
        "noisy = zoneout(lstm, 0.1)\n"
    )
    names = ",".join(f"{tmp_path}/own_cells.py:{name}" for name in ("plain", "noisy"))
    result = cli("--cases", "2x3x4", "--cells", names, "--repeats", 1, "--threads", 1)
    assert result.exit_code == 0, result.stderr
    for name in ("plain", "noisy"):
        for mode in ("inference", "training"):
            assert f"own_cells.py:{name} | 2x3x4 | {mode} | eager loop |" in result.stdout
    refused = cli("--cells", f"{tmp_path}/own_cells.py:other")
    assert refused.exit_code == 2
    assert "has no cell 'other'" in refused.stderr


def test_the_report_is_written_as_it_is_printed(cli, tmp_path):
    folder = tmp_path / "results"
    options = "--cases 2x3x4 --cells gru --peers torch.nn --repeats 2 --threads 1"
    result = cli(*options.split(), "--out", folder)
    assert result.exit_code == 0, result.stderr
    written = sorted(folder.iterdir())
    assert [path.suffix for path in written] == [".json", ".md"]
    assert written[1].read_text().strip() == result.stdout.strip()
    told = json.loads(written[0].read_text())
    assert [row["mode"] for row in told["rows"]] == ["inference", "training"]
    assert told["machine"]["threads"] == "1"
    assert told["machine"]["torch.nn"] == f"torch {torch.__version__}"


def test_a_red_parity_ends_without_a_number(cli, monkeypatch, tmp_path):
    prepare = torch_nn.prepare

    def sabotaged(problem):
        theirs = prepare(problem)
        problem.layer.bias_hh_l0.data[0] += 0.01
        return theirs

    monkeypatch.setattr(torch_nn, "prepare", sabotaged)
    result = cli(
        "--cases",
        "2x3x4",
        "--cells",
        "lstm",
        "--peers",
        "torch.nn",
        "--threads",
        1,
        "--out",
        tmp_path / "results",
    )
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "parity is red" in result.stderr
    assert "Traceback" not in result.stderr
    assert list((tmp_path / "results").iterdir()) == []


def test_an_interrupted_run_reports_what_was_measured(cli, monkeypatch):
    prepare, calls = torch_nn.prepare, []

    def interrupted(problem):
        calls.append(problem)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return prepare(problem)

    monkeypatch.setattr(torch_nn, "prepare", interrupted)
    options = "--cases 2x3x4 --cells lstm --peers torch.nn --repeats 1 --threads 1"
    result = cli(*options.split())
    assert result.exit_code == 0
    assert "| lstm | 2x3x4 | inference |" in result.stdout
    assert "| lstm | 2x3x4 | training |" not in result.stdout
    assert "Interrupted" in result.stderr


def test_where_nothing_can_be_written_nothing_is_measured(cli, tmp_path):
    (tmp_path / "file").touch()
    result = cli("--cases", "2x3x4", "--out", tmp_path / "file" / "results")
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr
    assert "[1/" not in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("--cases", "2x3", "32x100x512"),
        ("--cells", "lsmt", "peephole_lstm"),
        ("--peers", "tensorflow", "torch.nn"),
        ("--repeats", "0", "--repeats"),
        ("--threads", "0", "--threads"),
    ],
)
def test_mistakes_end_with_a_sentence(cli, option, value, told):
    result = cli(option, value)
    assert result.exit_code == 2
    assert told in result.stderr
    assert result.stdout == ""


def test_nothing_to_measure_is_said(cli):
    result = cli("--cases", "2x3x4", "--cells", "own_cell", "--peers", "torch.nn")
    assert result.exit_code == 2
    assert "no peer takes part" in result.stderr


def test_an_absent_peer_is_named_with_its_command(cli, monkeypatch):
    monkeypatch.setattr(torch_nn, "packages", ("no-such-package-of-ours",))
    refused = cli("--peers", "torch.nn")
    assert refused.exit_code == 2
    assert "pip install no-such-package-of-ours" in refused.stderr
    told = cli("--cases", "2x3x4", "--cells", "lstm", "--peers", "eager loop", "--repeats", 1, "--threads", 1)
    assert "- torch.nn: absent: pip install no-such-package-of-ours" in told.stdout
