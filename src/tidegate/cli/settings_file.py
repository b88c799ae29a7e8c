"""Settings of training as a TOML file: read by ``--config``, printed by ``tidegate runs RUN --settings``."""

from __future__ import annotations

import difflib
import json
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from tidegate.errors import DataError
from tidegate.io.hub_cache import place_name
from tidegate.io.input_files import open_input
from tidegate.io.wording import quoted

if TYPE_CHECKING:
    from tidegate.train.listing.run_list import RunSummary

__all__ = ["settings_text", "take_settings"]

LARGEST = 1 << 20  # bytes of a file of settings
NOT_SETTINGS = ("resume", "config", "dry_run", "help", "help_all")


def take_settings(ctx: typer.Context, path: Path | None) -> Path | None:
    """Make what a file says the defaults of a command's options: what is typed replaces it.

    Raises:
        DataError: the file cannot be read, is no TOML, or has a name or value that is none of an option.
    """
    if path is None or ctx.resilient_parsing:
        return path
    params = {_name(it): it for it in ctx.command.params if it.name not in NOT_SETTINGS}
    found = {}
    for name, value in _read(path).items():
        if name not in params:
            near = difflib.get_close_matches(name, params, n=2)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "see --help-all for the names."
            raise DataError(f"{path}: {quoted(name)} is no option of {ctx.command_path}: {hint}")
        param = params[name]
        fits, expected = _kind(param)
        if not fits(value):
            raise DataError(f"{path}: {name} is {quoted(value)}, but should be {expected}.")
        found[param.name] = value
    ctx.default_map = found
    return path


def _name(param: Any) -> str:
    return param.opts[0].removeprefix("--") if param.param_type_name == "option" else param.name


def _kind(param: Any) -> tuple[Any, str]:
    """Return a test for the values of an option, and what they are in words."""
    if getattr(param, "is_flag", False):
        return lambda value: type(value) is bool, "true or false"
    if getattr(param, "multiple", False) or param.nargs == -1:
        return _is_texts, 'a list of texts such as ["a.txt", "b.txt"]'
    if param.metavar == "N":
        return lambda value: type(value) is int, "a whole number"
    if param.metavar == "X":
        return lambda value: type(value) in (int, float), "a number"
    return lambda value: type(value) is str, "a text in quotes"


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(type(it) is str for it in value)


def _read(path: Path) -> dict[str, Any]:
    with open_input(path) as file:
        whole = file.read(LARGEST + 1)
    if len(whole) > LARGEST:
        raise DataError(f"{path} has more than {LARGEST:,} bytes: it is no file of settings.")
    try:
        return tomllib.loads(whole.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not TOML ({str(error)!s:.200}): write a line such as hidden-size = 256.") from error


def settings_text(run: RunSummary) -> str:
    """Return a run's settings as ``--config`` reads them.

    Raises:
        ArgumentError: the run's task is one of your own that is not loaded.
    """
    from tidegate.train.config import TASK_SETTINGS, TrainConfig
    from tidegate.train.registry import task_named

    task = task_named(run.task)
    lines = [f"# of {place_name(run.folder)}: tidegate train {run.task} --config FILE"]
    if run.data is None:
        lines.append("# The version that made this run did not record its data and how they were read: give them.")
    else:
        lines += _lines(task.DataConfig, run.data, {"data"})
    lines += _lines(task.Config, run.settings["model"])
    left_out = set(TASK_SETTINGS) - set(task.extra_settings)
    lines += _lines(TrainConfig, {k: v for k, v in run.settings["train"].items() if k not in left_out})
    return "\n".join(lines)


def _lines(config: type[Any], record: dict[str, Any], more: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    found = [f"{name} = {_value(record[name])}" for name in more if record.get(name)]
    for it in fields(config):
        value = record.get(it.metadata.get("key", it.name), record.get(it.name, it.metadata.get("absent")))
        value = it.metadata.get("off") if value is None else value
        if "help" in it.metadata and value is not None:
            found.append(f"{(it.metadata['flag'] or it.name).replace('_', '-')} = {_value(value)}")
    return found


def _value(value: Any) -> str:
    """Return a value in TOML, whose texts are JSON's but for the character DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
