"""The command that trains a run again, made from its settings."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from tidegate.train.config import TASK_SETTINGS
from tidegate.train.run_config import RunConfig
from tidegate.train.task import Task

MACHINE = ("device", "backend", "checkpoint_every", "report_every")  # what is trained does not depend on them


def training_command(config: RunConfig, task: type[Task]) -> str | None:
    """Return ``tidegate train ...`` with those settings that are not the defaults; None if the data are not recorded.

    Files are named without their folders, which are of no use elsewhere.
    """
    if config.data_options is None:
        return None
    data = config.data_options.get("data") or []
    left_out = {*MACHINE, *TASK_SETTINGS} - set(task.extra_settings)
    words = ["tidegate", "train", config.task, *map(_file, data)]
    words += _options(task.DataConfig, config.data_options, {})
    words += _options(task.Config, _values(config.model), {})
    training = {name: it for name, it in _values(config.train).items() if name not in left_out}
    words += _options(type(config.train), training, task.training_defaults)
    return " ".join(shlex.quote(it) for it in words)


def _values(config: Any) -> dict[str, Any]:
    return {it.name: getattr(config, it.name) for it in fields(config)}


def _options(kind: type[Any], values: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[str]:
    for it in fields(kind):
        if "help" not in it.metadata or it.name not in values:
            continue
        value = values[it.name]
        if value == _default(it, values, {**defaults, "epochs": None}):
            continue
        flag = (it.metadata["flag"] or it.name).replace("_", "-")
        if value is None:
            value = it.metadata["off"]
        if isinstance(value, bool):
            yield f"--{flag}" if value else f"--no-{flag}"
        elif value is not None:
            for one in value if isinstance(value, Sequence) and not isinstance(value, str) else [value]:
                yield from (f"--{flag}", _file(one) if it.metadata["value"] == "FILE" else str(one))


def _default(it: Field[Any], values: Mapping[str, Any], defaults: Mapping[str, Any]) -> Any:
    if (by := it.metadata.get("by")) is not None:
        usual = next(iter(by[1]))  # the choice that a task's own default is for
        return defaults.get(it.name, by[1][usual]) if values.get(by[0]) == usual else by[1].get(values.get(by[0]))
    return defaults.get(it.name, it.default)


def _file(name: object) -> str:
    """Return a name of data without its folder, never one that looks like an option; of samples and sets as it is."""
    text = str(name)
    if text.startswith(("sample:", "hub:")):
        return text
    short = Path(text).name or text
    return f"./{short}" if short.startswith("-") else short
