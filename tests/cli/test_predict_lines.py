"""``tidegate predict``: as many lines out as in, or nothing at all and the line that does not fit."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from tests.cli.command_line import process

Cli = Callable[..., Result]
SMALL = ["--hidden-size", 8, "--embedding-size", 4, "--steps", 2, "--warmup-steps", 1, "--device", "cpu"]
SMALL += ["--min-count", 1]


def trained(cli: Cli, task: str, data: Path) -> Path:
    run = data.with_suffix(f".{task}")
    result = cli("train", task, data, "--out", run, *SMALL)
    assert result.exit_code == 0, result.output
    return run


@pytest.fixture(scope="module")
def runs(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "a.txt").write_text("__label__x one two\n__label__y two one\n" * 20)
    (folder / "a.tsv").write_text("one two\tdos\ntwo one\tuno\n" * 20)
    (folder / "a.conll").write_text("one X\ntwo Y\n\n" * 20)
    names = {"classify": "a.txt", "translate": "a.tsv", "tag": "a.conll"}
    return {task: trained(cli, task, folder / name) for task, name in names.items()}


@pytest.mark.parametrize("task", ["classify", "translate", "tag"])
@pytest.mark.parametrize("text", ["\none\n\n  \ntwo one\n\n", "\n\n", "one\r\n\r\ntwo\r\n", "one\r\rtwo"])
def test_a_line_for_each_line(cli: Cli, runs: dict[str, Path], tmp_path: Path, task: str, text: str) -> None:
    (tmp_path / "document.txt").write_bytes(text.encode())
    count = len(text.splitlines())
    result = cli("predict", runs[task], tmp_path / "document.txt")
    assert result.exit_code == 0, result.output
    lines = result.stdout.split("\n")
    assert len(lines) == count + 1
    if task != "classify":
        assert [not it.strip() for it in text.splitlines()] <= [not it for it in lines[:-1]]
    result = cli("predict", runs[task], tmp_path / "document.txt", "--json")
    assert len([json.loads(it) for it in result.stdout.splitlines()]) == count


def test_blank_lines_among_lines_with_classes_have_a_line(cli: Cli, runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("__label__x one\n\n__label__y two\n")
    assert len(cli("predict", runs["classify"], tmp_path / "a.txt").stdout.splitlines()) == 3
    (tmp_path / "a.tsv").write_text("one\tuno\n\ntwo\tdos\n")
    lines = cli("predict", runs["translate"], tmp_path / "a.tsv").stdout.split("\n")
    assert (len(lines), lines[1]) == (4, "")


def test_a_blank_translation_has_no_score(cli: Cli, runs: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n")
    said = [
        json.loads(it) for it in cli("predict", runs["translate"], tmp_path / "a.txt", "--json").stdout.splitlines()
    ]
    assert said[1] == {"text": "", "score": None}


@pytest.mark.parametrize(
    ("task", "name", "good", "odd", "said"),
    [
        (
            "classify",
            "a.jsonl",
            '{"text": "one"}\n',
            '{"text": ["one"]}\n',
            "row 3001: column 'text' should hold texts",
        ),
        ("translate", "a.jsonl", '{"source": "one"}\n', '{"source": null}\n', "row 3001: column 'source' is empty"),
        ("tag", "a.txt", "one two\n", "x" * 1001 + "\n", "line 3001, step 1: a word of 1,001 characters"),
        ("tag", "a.jsonl", '{"tokens": ["one"]}\n', "{\n", "malformed: line 3001"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_before_anything_is_written(
    cli: Cli, runs: dict[str, Path], tmp_path: Path, task: str, name: str, good: str, odd: str, said: str
) -> None:
    """Also far behind the rows that are predicted together first."""
    (tmp_path / name).write_text(good * 3000 + odd)
    result = cli("predict", runs[task], tmp_path / name)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert said in result.stderr


def test_a_class_of_two_lines_is_written_as_one(cli: Cli, tmp_path: Path) -> None:
    rows = [json.dumps({"text": f"t{n % 2}", "label": ("a\nb", "c\r\nd")[n % 2]}) for n in range(40)]
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    run = trained(cli, "classify", tmp_path / "a.jsonl")
    result = cli("predict", run, "--text", "t0", "--text", "t1\nt1")
    assert len(result.stdout.splitlines()) == 2
    assert {line.split("\t")[0] for line in result.stdout.splitlines()} <= {"a\\nb", "c\\r\\nd"}


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_nothing_is_written_to_the_home_folder(tmp_path: Path, ending: str) -> None:
    """A container or a batch system has none, or one that cannot be written to."""
    import pandas

    table = pandas.DataFrame({"text": ["warm", "slow"] * 20, "label": ["like", "dislike"] * 20})
    (table.to_csv if ending == "csv" else table.to_parquet)(tmp_path / f"films.{ending}", index=False)
    home = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "HF_HOME", "HF_DATASETS_CACHE"), "/proc/none")
    done = process("train", "classify", tmp_path / f"films.{ending}", "--out", tmp_path / "run", *SMALL, **home)
    assert done.returncode == 0, done.stderr


def test_positions_are_those_of_the_text_on_the_command_line(cli: Cli, runs: dict[str, Path]) -> None:
    text = "\ufeffone\r\n two,  \U0001f600 one"
    (answer,) = map(json.loads, cli("predict", runs["tag"], "--text", text, "--json").stdout.splitlines())
    words = [text[it["start"] : it["end"]] for it in answer["words"]]
    assert words == [it["word"] for it in answer["words"]] == answer["tokens"]
    assert words == ["\ufeffone", "two", ",", "\U0001f600", "one"]
