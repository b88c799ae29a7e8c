"""tidegate train lm."""

import dataclasses
import inspect
import json
import signal

import pytest

from tidegate.cli.task_options import task_parameters
from tidegate.errors import ArgumentError
from tidegate.text import LanguageModelTask, prepare_corpus
from tidegate.text.config import LanguageModelConfig
from tidegate.train import Progressed, TrainConfig, read_config
from tidegate.train.options import parse_splits

OPTIONS = {it.name: it.default for it in task_parameters(LanguageModelTask)}


def fields(config: type) -> dict[str, object]:
    return {it.name: it.default for it in dataclasses.fields(config)}


def test_every_setting_is_an_option_with_the_same_default():
    for name, default in (fields(LanguageModelConfig) | fields(TrainConfig)).items():
        if name != "vocabulary_size":
            assert OPTIONS[name] == default, name
    for name, it in inspect.signature(prepare_corpus).parameters.items():
        if name not in ("paths", "out", "splits", "block_size"):
            assert OPTIONS[name] == it.default, name
    assert parse_splits(OPTIONS["splits"]) == inspect.signature(prepare_corpus).parameters["splits"].default


def test_options_reach_the_run(cli, text_file, tmp_path):
    options = (
        "--cell gru --hidden-size 12 --layers 2 --embedding-size 12 --dropout 0.1 --tie-weights --init keras "
        "--tokenizer bytes --splits 70/20/10 --limit 2000 --batch-size 4 --k1 10 --k2 20 --feeding sampled "
        "--sampling-probability-start 0.1 --sampling-probability-end 0.2 --learning-rate 0.01 "
        "--final-learning-rate 0.1 --warmup-steps 1 --beta1 0.8 --beta2 0.9 --weight-decay 0.1 --clip 0 "
        "--steps 3 --validate-every 2 --validation-tokens 100 --patience 4 --report-every 1 --checkpoint-every 2 "
        "--seed 5 --device cpu --sample-length 0"
    )
    result = cli("train", "lm", text_file, "--out", tmp_path / "run", *options.split())
    assert result.exit_code == 0, result.output
    run = read_config(tmp_path / "run")
    assert run.model == LanguageModelConfig(
        vocabulary_size=256,
        cell="gru",
        hidden_size=12,
        num_layers=2,
        embedding_size=12,
        dropout=0.1,
        tie_weights=True,
        init="keras",
    )
    assert run.train == TrainConfig(
        batch_size=4,
        k1=10,
        k2=20,
        feeding="sampled",
        sampling_probability_start=0.1,
        sampling_probability_end=0.2,
        learning_rate=0.01,
        final_learning_rate=0.1,
        warmup_steps=1,
        beta1=0.8,
        beta2=0.9,
        weight_decay=0.1,
        clip=None,
        steps=3,
        validate_every=2,
        validation_tokens=100,
        patience=4,
        report_every=1,
        checkpoint_every=2,
        seed=5,
        device="cpu",
    )
    assert (run.prediction_name, run.split_kind) == ("byte", "contiguous 70/20/10")


def test_a_run_without_a_terminal_is_plain_lines(trained):
    folder, result = trained
    assert result.stderr == ""
    assert "\x1b" not in result.stdout
    assert "\r" not in result.stdout
    lines = result.stdout.splitlines()
    assert any("uniform" in line and "5-gram" in line and "contiguous 80/10/10" in line for line in lines)
    reported = [line for line in lines if "validation (contiguous 80/10/10)" in line and line.startswith("step")]
    assert [line.split()[1] for line in reported] == ["20", "40", "60"]
    logged = [json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]
    nats = [line["nats"] for line in logged if line["event"] == "validation"]
    assert [f"{value:.3f}" in line for value, line in zip(nats, reported, strict=True)] == [True] * 3
    assert sum("sample: " in line for line in lines) == 3
    assert lines[-1] == f"Now: tidegate generate {folder}"


def test_the_folder_is_named_after_the_data_and_the_cell(cli, text_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = cli("train", "lm", text_file, "--cell", "gru", "--hidden-size", 4, "--steps", 1, "--sample-length", 0)
    assert result.exit_code == 0, result.output
    assert read_config(tmp_path / "runs" / "sentences-gru").train.steps == 1
    # And the same again would lose it.
    result = cli("train", "lm", text_file, "--cell", "gru", "--hidden-size", 4, "--steps", 2, "--sample-length", 0)
    assert result.exit_code == 2
    assert "--overwrite" in result.stderr
    assert read_config(tmp_path / "runs" / "sentences-gru").train.steps == 1


def test_the_single_word_hello(cli, tmp_path):
    (tmp_path / "hello.txt").write_text("hello")
    options = "--splits none --hidden-size 16 --steps 150 --warmup-steps 1 --learning-rate 0.02 --sample-length 0"
    result = cli("train", "lm", tmp_path / "hello.txt", "--out", tmp_path / "run", *options.split())
    assert result.exit_code == 0, result.output
    result = cli("generate", tmp_path / "run", "--prompt", "h", "--length", 4, "--greedy")
    assert result.stdout == "hello\n"


def test_resume_goes_on_to_a_new_budget(cli, text_file, tmp_path):
    run = tmp_path / "run"
    small = ("--hidden-size", 4, "--sample-length", 0, "--device", "cpu")
    assert cli("train", "lm", text_file, "--out", run, "--steps", 2, *small).exit_code == 0
    result = cli("train", "lm", "--resume", run, "--steps", 5, "--sample-length", 0)
    assert result.exit_code == 0, result.output
    assert "at step 5" in result.stdout
    assert read_config(run).train.steps == 5


@pytest.mark.parametrize(
    ("options", "named"),
    [(["--hidden-size", "8"], "--hidden-size"), (["--out", "x"], "--out"), (["text.txt"], "DATA")],
)
def test_options_that_resume_would_ignore_are_errors(cli, run_folder, options, named):
    result = cli("train", "lm", "--resume", run_folder, *options)
    assert result.exit_code == 2
    assert named in result.stderr


def test_ctrl_c_is_130_and_says_how_to_go_on(cli, text_file, tmp_path, monkeypatch):
    def interrupt(board: object, event: object) -> None:
        if isinstance(event, Progressed) and event.step == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("tidegate.cli.display.board.Board.update", interrupt)
    options = ("--hidden-size", 4, "--steps", 100, "--report-every", 1, "--sample-length", 0)
    result = cli("train", "lm", text_file, "--out", tmp_path / "run", *options)
    assert result.exit_code == 130, result.output
    assert f"tidegate train lm --resume {tmp_path / 'run'}" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing.txt"], "missing.txt does not exist"),
        (["empty"], "folder empty has no file"),
        (["latin1.txt"], "latin1.txt"),
        (["tiny.txt"], "need"),
        (["good.txt", "--cell", "lsmt"], "did you mean 'lstm'"),
        (["good.txt", "--min-count", "3"], "min_count"),
        (["good.txt", "--tie-weights"], "embedding_size"),
        (["good.txt", "--splits", "90/20"], "90/5/5"),
        (["good.txt", "--splits", "0/0/0"], "90/5/5"),
        (["good.txt", "--splits", "90/0/10"], "validation"),
        (["good.txt", "--steps", "0"], "--steps"),
        (["good.txt", "--minutes", "-1"], "minutes"),
        (["good.txt", "--tokenizer", "syllables"], "--tokenizer"),
        (["good.txt", "--train", "good.txt"], "--train"),
        (["good.txt", "--test", "good.txt"], "none for validation"),
        (["good.txt", "--dropout", "2"], "--dropout"),
        (["good.txt", "--learning-rate", "nan"], "learning_rate"),
        (["good.txt", "--out", "good.txt"], "good.txt is a file"),
        (["good.txt", "--backend", "nonsense"], "nonsense"),
        (["--resume", "missing"], "missing"),
        (["--resume", "empty"], "empty"),
        ([], "--resume RUN"),
    ],
)
def test_expected_errors_are_one_message(cli, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin1.txt").write_bytes(b"caf\xe9 au lait\n" * 100)
    (tmp_path / "tiny.txt").write_text("a")
    (tmp_path / "good.txt").write_text("some words of text\n" * 100)
    result = cli("train", "lm", *arguments)
    assert result.exit_code == 2, repr(result.exception)
    assert said in " ".join(result.stderr.replace("│", " ").split())


def test_splits():
    assert parse_splits("90/5/5") == (0.9, 0.05, 0.05)
    assert parse_splits("0.5/0.5/0") == (0.5, 0.5, 0)
    assert parse_splits("none") is None
    assert parse_splits("80/20") == (0.8, 0.2, 0)
    for wrong in ("all", "", "90", "50/20/20/10", "90/20", "0/0/0", "nan/0/0", "inf/1"):
        with pytest.raises(ArgumentError):
            parse_splits(wrong)
