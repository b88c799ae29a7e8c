"""Tasks by name. A task's module is imported on use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple, cast

from tidegate.errors import ArgumentError
from tidegate.io.load_object import load_object
from tidegate.io.wording import quoted

if TYPE_CHECKING:
    from tidegate.train.task import Task


class BuiltIn(NamedTuple):
    """A built-in task.

    Attributes:
        place: its class, as "module:name".
        summary: the first line of its docstring, so that the tasks can be listed without importing them.
        examples: what may be typed after ``tidegate train``.
    """

    place: str
    summary: str
    examples: tuple[str, ...]


BUILT_IN = {
    "lm": BuiltIn(
        "tidegate.text.task:LanguageModelTask",
        "A language model of text.",
        (
            "lm book.txt",
            "lm book.txt --cell gru --layers 2 --dropout 0.2 --minutes 10",
            "lm train.txt --validation valid.txt --tokenizer words",
            "lm --resume runs/book-lstm --minutes 30",
        ),
    ),
    "classify": BuiltIn(
        "tidegate.tasks.classify.task:ClassifyTask",
        "A class for each text or series of frames (many to one).",
        (
            "classify reviews.csv",
            "classify reviews.csv --text-column text --label-column stars",
            "classify sample:digits",
        ),
    ),
    "tag": BuiltIn(
        "tidegate.tasks.tag.task:TagTask",
        "A tag for each word, character or frame (many to many, aligned).",
        (
            "tag train.conll --validation dev.conll --crf",
            "tag sample:python-highlighting",
        ),
    ),
    "translate": BuiltIn(
        "tidegate.tasks.seq2seq.translate:TranslateTask",
        "A text for each text (sequence to sequence).",
        (
            "translate pairs.tsv",
            "translate sample:dates --seeds 3",
        ),
    ),
    "caption": BuiltIn(
        "tidegate.tasks.seq2seq.caption:CaptionTask",
        "A text for each image (one to many).",
        ("caption sample:digit-captions",),
    ),
    "forecast": BuiltIn(
        "tidegate.tasks.forecast.task:ForecastTask",
        "The next steps of a time series.",
        (
            "forecast airline.csv --horizon 12",
            "forecast sample:mackey-glass --horizon 84",
        ),
    ),
    "regress": BuiltIn(
        "tidegate.tasks.regress.task:RegressTask",
        "A value at every step of a series (many to many, aligned).",
        (
            "regress recordings.csv --inputs voltage --targets current",
            "regress sample:amplifier",
        ),
    ),
    "probe": BuiltIn(
        "tidegate.tasks.probe.task:ProbeTask",
        "A synthetic problem that needs long-term memory.",
        ("probe sample:adding-50 --steps 2000",),
    ),
}
"""The built-in tasks."""

_REGISTERED: dict[str, type[Task]] = {}


def task_names() -> list[str]:
    """List the names of all tasks, built in or registered."""
    return [*BUILT_IN, *_REGISTERED]


def register_task(task: type[Task]) -> type[Task]:
    """Register a task of your own under its name; also a decorator.

    Raises:
        ArgumentError: another task has that name.
    """
    if task.name in BUILT_IN or _REGISTERED.get(task.name, task).__qualname__ != task.__qualname__:
        raise ArgumentError(f"Another task is called {task.name!r} already: choose another name.")
    _REGISTERED[task.name] = task
    return task


def task_named(name: str) -> type[Task]:
    """Return the task of a name. Only a built-in task is imported.

    Raises:
        ArgumentError: no task has that name.
    """
    if name in _REGISTERED:
        return _REGISTERED[name]
    if name not in BUILT_IN:
        raise ArgumentError(
            f"No task is called {quoted(name)}; there are: {', '.join(task_names())}. A task of your own has to be "
            "registered first: tidegate.train.register_task in Python, --task my_module:MyTask on the command line."
        )
    module, kind = BUILT_IN[name].place.split(":")
    return cast("type[Task]", getattr(importlib.import_module(module), kind))


def load_task(where: str) -> type[Task]:
    """Load a task from a Python file or module, and register it by its name.

    The file is run. Pass on only what the user typed, never a name that was read from a file.

    Args:
        where: ``FILE.py:CLASS`` or ``MODULE:CLASS``.

    Raises:
        ArgumentError: there is no such file, module or class, it is not a task, its name is taken, or the file's own
            code failed.
    """
    found = load_object(where, "task", ArgumentError)
    missing = [it for it in ("name", "Config", "make_model", "loss") if not hasattr(found, it)]
    if not isinstance(found, type) or missing:
        raise ArgumentError(
            f"{where} is not a task: give a class derived from tidegate.tasks.base_task.ExampleTask, with a name "
            "and a Config."
        )
    return register_task(found)
