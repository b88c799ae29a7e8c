"""Help, completion, and options that are given twice."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import Result
from tests.cli.command_line import environment

from tidegate.cli.named_values import value_name
from tidegate.train.registry import BUILT_IN

Cli = Callable[..., Result]
VERBS = ["evaluate", "predict", "generate", "look", "export", "cells", "probe", "demo"]
PAGES = [(), ("train",), *((name,) for name in VERBS), *(("train", name) for name in BUILT_IN)]


@pytest.mark.parametrize("page", PAGES, ids=" ".join)
def test_help_fits_80_columns_and_names_no_python_types(cli: Cli, monkeypatch: pytest.MonkeyPatch, page) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    result = cli(*page, "--help")
    assert result.exit_code == 0, result.output
    assert max(map(len, result.output.splitlines())) <= 80
    assert not re.search(
        r"<\w+>|\bPath\b|\bint\b|\bbool\b|VALUE", result.output.replace("<eos>", "").replace("<unk>", "")
    )
    if page not in ((), ("train",)):
        assert "Examples:\n    tidegate " + " ".join(page) in result.output


def test_the_verbs_are_in_the_order_of_use(cli: Cli) -> None:
    output = cli("--help").output
    places = [output.index(f"\n  {name} ") for name in ("train", *VERBS)]
    assert places == sorted(places)
    assert output.endswith("Start with: tidegate demo\n")


@pytest.mark.parametrize("group", [(), ("train",)])
def test_a_group_alone_prints_its_help(cli: Cli, group: tuple[str, ...]) -> None:
    result = cli(*group)
    assert result.exit_code == 2
    assert result.stderr == cli(*group, "--help").output


def test_rare_options_are_folded_and_listed_by_help_all(cli: Cli) -> None:
    short, long = cli("train", "lm", "--help").output, cli("train", "lm", "--help-all").output
    assert "--cell NAME" in short
    assert "--beta1" not in short
    assert "--beta1 X" in long
    shown, folded = (text.count("\n  --") for text in (short, long))
    assert f"{folded - shown} more options" in short


def test_flags_have_no_value_and_switches_show_both_names(cli: Cli) -> None:
    output = cli("train", "lm", "--help-all").output
    assert re.search(r"--overwrite +Replace the run", output)
    assert "--eos/--no-eos" in output
    assert "Default: --eos." in output


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "forecast", "x.csv", "--horizon", 3, "--horizon", 4),
        ("train", "lm", "x.txt", "--eos", "--no-eos"),
        ("evaluate", "nope", "--split", "test", "--split", "train"),
    ],
    ids=str,
)
def test_an_option_given_twice_is_refused(cli: Cli, arguments: tuple[object, ...]) -> None:
    result = cli(*arguments)
    assert result.exit_code == 2
    assert "it takes one value, but is given 2 times" in " ".join(result.stderr.replace("│", " ").split())


def test_a_task_in_the_place_of_a_verb_is_pointed_to_train(cli: Cli) -> None:
    result = cli("forecast", "x.csv")
    assert result.exit_code == 2
    assert "'forecast' is a task: tidegate train forecast" in result.stderr


def test_options_of_several_values_may_be_given_again(cli: Cli) -> None:
    result = cli("predict", "nope", "--text", "a", "--text", "b")
    assert "given 2 times" not in result.stderr
    assert "nope" in result.stderr


@pytest.mark.parametrize(
    ("typed", "expected"), [("tidegate ev", "evaluate"), ("tidegate train lm --hid", "--hidden-size")]
)
def test_the_shell_completes_verbs_and_options(typed: str, expected: str) -> None:
    script = "import sys; sys.argv[0] = 'tidegate'; from tidegate.cli import main; main()"
    asked = {"_TIDEGATE_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment(**asked)
    )
    assert expected in done.stdout.split(), done.stderr


@pytest.mark.parametrize(("kind", "name"), [(int, "N"), (float | None, "X"), (list[str] | None, "TEXT"), (bool, None)])
def test_values_are_named_by_their_type(kind: object, name: str | None) -> None:
    assert value_name(kind) == name
