"""tidegate train TASK, evaluate and predict."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tidegate.cli.verbs.train import command
from tidegate.tasks.base_task import example_task
from tidegate.train import read_config
from tidegate.train.registry import BUILT_IN, task_named
from tidegate.train.task import Task

Cli = Callable[..., Result]
TASKS = [name for name in BUILT_IN if name != "lm"]
SMALL = "--hidden-size 8 --embedding-size 8 --level words --min-count 1 --device cpu"
SHORT = "--epochs 8 --warmup-steps 2 --dropout 0"
OPTIONS = [*SMALL.split(), *SHORT.split()]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "opinions.txt"
    kinds = (("bad", "poor"), ("good", "fine"))
    lines = ("__label__{} it is {} {}\n".format(*kinds[n % 2], "so " * (n % 5)) for n in range(200))
    path.write_text("".join(lines))
    return path


@pytest.fixture(scope="module")
def run(cli: Cli, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    result = cli(
        "train", "classify", data, "--out", folder, *OPTIONS, "--seed", 3, "--cell", "gru", "--learning-rate", 0.02
    )
    assert result.exit_code == 0, result.output
    assert "accuracy" in result.output
    assert "On the validation part (random 80/10/10)" in result.output
    return folder


@pytest.mark.parametrize("name", BUILT_IN)
def test_the_summary_of_a_task_is_the_first_line_of_its_docstring(name: str) -> None:
    assert (task_named(name).__doc__ or "").splitlines()[0] == BUILT_IN[name].summary


@pytest.mark.parametrize("name", TASKS)
def test_every_setting_is_an_option(cli: Cli, name: str) -> None:
    result = cli("train", name, "--help")
    assert result.exit_code == 0, result.output
    for option in ("--cell", "--hidden-size", "--layers", "--seed", "--resume", "--epochs", "--seeds"):
        assert option in result.output


@pytest.mark.parametrize("name", TASKS)
def test_a_tasks_own_settings_are_the_defaults(name: str) -> None:
    training = dict(example_task(name).training_defaults)
    training["epochs"] = None  # only if no budget is given
    found = {it.name: it.default for it in command(task_named(name)).params}
    assert {key: found[key] for key in training} == training


def test_listing_the_tasks_loads_no_torch() -> None:
    code = """
import sys
from tidegate.cli import main
sys.argv = ["tidegate", "train", "--help"]
try: main()
except SystemExit: print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.rstrip().endswith("False")
    assert all(name in done.stdout for name in TASKS)


def test_options_reach_the_run(run: Path) -> None:
    config = read_config(run)
    assert (config.task, config.model.cell, config.model.hidden_size, config.train.seed) == ("classify", "gru", 8, 3)
    assert config.train.epochs == 8
    assert config.train.learning_rate == 0.02


def test_evaluate_shows_metrics_beside_baselines_and_tables(cli: Cli, run: Path, data: Path) -> None:
    result = cli("evaluate", run)
    assert result.exit_code == 0, result.output
    for said in ("test (random 80/10/10)", "accuracy", "always '", "macro F1", "confusion", "precision"):
        assert said in result.output
    on_files = cli("evaluate", run, data)
    assert on_files.exit_code == 0, on_files.output
    assert "200 examples predicted" in on_files.output


def test_predict_says_a_line_for_each_in_order(cli: Cli, run: Path, tmp_path: Path) -> None:
    texts = ["it is fine", "it is poor so so", "it is fine so"]
    (tmp_path / "some.txt").write_text("\n".join(texts) + "\n")
    result = cli("predict", run, tmp_path / "some.txt")
    assert result.exit_code == 0, result.output
    assert [line.split("\t")[0] for line in result.output.splitlines()] == ["good", "bad", "good"]
    said = cli("predict", run, "--json", *(it for text in texts for it in ("--text", text)))
    records = [json.loads(line) for line in said.output.splitlines()]
    assert [record["label"] for record in records] == ["good", "bad", "good"]
    assert [record["text"] for record in records] == texts
    for record, line in zip(records, result.output.splitlines(), strict=True):
        shares = list(record["probabilities"].values())
        assert shares == sorted(shares, reverse=True)
        assert abs(sum(shares) - 1) < 1e-5
        assert shares[0] == record["p"]
        assert line == f"{record['label']}\t{record['p']:.3f}"


def test_predictions_are_written_to_a_file_whole_or_not_at_all(cli: Cli, run: Path, tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("it is fine\nit is poor\n")
    out = tmp_path / "out.txt"
    printed = cli("predict", run, tmp_path / "some.txt", "--json").stdout
    result = cli("predict", run, tmp_path / "some.txt", "--json", "--out", out)
    assert (result.exit_code, result.stdout, out.read_text()) == (0, "", printed)
    (tmp_path / "odd.jsonl").write_text('{"text": "fine"}\n{"text": 3}\n{"text": []}\n')
    assert cli("predict", run, tmp_path / "odd.jsonl", "--out", out).exit_code == 2
    assert out.read_text() == printed


def test_an_empty_text_is_refused_and_empty_input_is_noted(cli: Cli, run: Path, tmp_path: Path) -> None:
    result = cli("predict", run, "--text", " ")
    assert result.exit_code == 2
    assert "an empty text" in result.stderr
    (tmp_path / "empty.txt").write_text("")
    result = cli("predict", run, tmp_path / "empty.txt")
    assert (result.stdout, result.stderr) == ("", f"There is nothing to predict for in {tmp_path / 'empty.txt'}.\n")


def test_evaluation_as_json_has_the_numbers_of_the_table(cli: Cli, run: Path) -> None:
    record = json.loads(cli("evaluate", run, "--json").stdout)
    table = cli("evaluate", run).stdout
    assert {"accuracy", "macro F1"} == record["metrics"].keys()
    for name, it in record["metrics"].items():
        assert f"{name}" in table
        assert f"{it['value']:.4g}" in table
        assert f"{it['baseline']} {it['of_baseline']:.4g}" in table
    assert f"{record['loss']:.4g}" in table
    assert record["prediction"] == "example"


def test_predict_reads_standard_input(run: Path) -> None:
    command = [sys.executable, "-m", "tidegate", "predict", str(run)]
    done = subprocess.run(command, input="it is poor\n", capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("bad\t")


def test_seeds_report_mean_and_spread(cli: Cli, data: Path, tmp_path: Path) -> None:
    result = cli("train", "classify", data, "--out", tmp_path / "runs", *OPTIONS, "--seeds", 2)
    assert result.exit_code == 0, result.output
    assert "2 seeds, mean ± deviation" in result.output
    assert [read_config(tmp_path / "runs" / f"seed-{n}").train.seed for n in range(2)] == [0, 1]


def test_without_a_validation_part_seeds_have_nothing_to_report(cli: Cli, data: Path, tmp_path: Path) -> None:
    options = (*OPTIONS, "--splits", "none", "--seeds", 2, "--steps", 2)
    result = cli("train", "classify", data, "--out", tmp_path / "runs", *options)
    assert result.exit_code == 0, result.output
    assert "deviation" not in result.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train", "classify"), "give files or folders to train on"),
        (("train", "classify", "nowhere.csv"), "nowhere.csv does not exist"),
        (("train", "classify", "sample:nope"), "no sample 'nope'"),
        (("train", "nope"), "No such command"),
        (("train", "classify", "{data}", "--cell", "lsmt"), "lsmt"),
        (("train", "classify", "{data}", "--dropout", "1"), "dropout is 1.0, but must be at least 0 and below 1"),
        (("train", "classify", "{data}", "--splits", "50/60"), "do not|not two or three shares"),
        (("train", "classify", "--resume", "{run}", "--hidden-size", "9"), "keeps its own settings"),
        (("train", "classify", "{data}", "--out", "{run}"), "already holds a run"),
        (("generate", "{run}"), "is a run of the task classify"),
        (("predict", "{run}", "{data}", "--text", "x"), "not both"),
        (("train", "classify", "nowhere.csv", "--out", "{run}", "--overwrite"), "nowhere.csv does not exist"),
        (("evaluate", "{run}", "--limit", "50"), "--limit is for language models"),
        (("evaluate", "{run}", "nowhere.txt"), "nowhere.txt"),
        (("predict", "{run}", "{data}", "--beam", "3"), "is a run of classify, which writes no texts"),
        (("predict", "{run}", "nowhere.txt"), "nowhere.txt"),
    ],
    ids=str,
)
def test_expected_errors_exit_with_2(
    cli: Cli,
    run: Path,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in run.iterdir())
    result = cli(*(it.format(run=run, data=data) for it in arguments))
    assert result.exit_code == 2, result.output
    words = " ".join(result.output.replace("│", " ").split())
    assert any(it in words for it in said.split("|")), words
    assert "Traceback" not in result.output
    assert sorted(path.name for path in run.iterdir()) == before
    assert not any(path.name == "config.json" for path in tmp_path.rglob("*"))


def test_a_run_of_another_task_is_not_resumed(cli: Cli, run_folder: Path) -> None:
    result = cli("train", "classify", "--resume", run_folder)
    assert result.exit_code == 2
    assert "is a run of lm" in " ".join(result.output.replace("│", " ").split())
    result = cli("predict", run_folder)
    assert result.exit_code == 2
    assert "tidegate generate" in result.output


def test_resume_goes_on(cli: Cli, run: Path) -> None:
    before = read_config(run).train.epochs
    result = cli("train", "classify", "--resume", run)
    assert result.exit_code == 0, result.output
    assert "Finished (budget)" in result.output
    assert read_config(run).train.epochs == before


@pytest.mark.parametrize(
    ("feeding", "shares"),
    [
        ([], (1.0, 1.0)),
        (["--feeding", "sampled"], (0.0, 1.0)),
        (["--feeding", "greedy", "--sampling-probability-start", 0.5, "--sampling-probability-end", 0.5], (0.5, 0.5)),
    ],
)
def test_scheduled_sampling_has_the_tasks_default_probabilities(
    cli: Cli, tmp_path: Path, feeding: list, shares: tuple
) -> None:
    (tmp_path / "pairs.tsv").write_text("ab\tba\ncd\tdc\n" * 4)
    options = ["--hidden-size", 4, "--embedding-size", 4, "--steps", 1, "--splits", "none", "--device", "cpu"]
    result = cli("train", "translate", tmp_path / "pairs.tsv", "--out", tmp_path / "run", *options, *feeding)
    assert result.exit_code == 0, result.output
    train = read_config(tmp_path / "run").train
    assert (train.sampling_probability_start, train.sampling_probability_end) == shares


def test_sampling_probability_with_teacher_forcing_is_an_error(cli: Cli, data: Path, tmp_path: Path) -> None:
    result = cli("train", "translate", data, "--out", tmp_path / "run", "--sampling-probability-start", 0.5)
    assert result.exit_code == 2
    assert "teacher forcing feeds no predictions" in " ".join(result.output.replace("│", " ").split())


def test_the_protocol_is_kept() -> None:
    assert {"make_model", "new_model", "loss", "validate", "baselines"} <= set(dir(Task))


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 1.0), ("adamw", 2e-3)])
def test_the_learning_rate_of_a_task_is_for_its_own_optimizer(cli: Cli, data: Path, tmp_path: Path, optimizer, rate):
    short = ("--steps", 1, "--optimizer", optimizer, *SMALL.split())
    result = cli("train", "classify", data, "--out", tmp_path / "run", *short)
    assert result.exit_code == 0, result.output
    assert read_config(tmp_path / "run").train.learning_rate == rate
