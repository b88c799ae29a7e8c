"""All tasks by name: a new one is a file of its own and a line here."""

import importlib
from typing import cast

from tidegate.errors import ArgumentError
from tidegate.tasks.example_task import ExampleTask
from tidegate.train.task import Task

HOMES = {
    "lm": "tidegate.text.task:LanguageModelTask",
    "classify": "tidegate.tasks.classify.task:ClassifyTask",
    "tag": "tidegate.tasks.tag.task:TagTask",
    "translate": "tidegate.tasks.seq2seq.translate:TranslateTask",
    "caption": "tidegate.tasks.seq2seq.caption:CaptionTask",
    "forecast": "tidegate.tasks.forecast.task:ForecastTask",
    "probe": "tidegate.tasks.probe.task:ProbeTask",
}


REGISTERED: dict[str, type[Task]] = {}
"""Tasks of a user's own, by name."""


def register_task(task: type[Task]) -> type[Task]:
    """Let a task be known by its name: also a decorator.

    Raises:
        ArgumentError: its name is taken.
    """
    if task.name in HOMES or REGISTERED.get(task.name, task).__qualname__ != task.__qualname__:
        raise ArgumentError(f"A task is called {task.name!r} already: choose another name.")
    REGISTERED[task.name] = task
    return task


def example_task(name: str) -> type[ExampleTask]:
    """The task of a name, one on independent examples.

    Raises:
        ArgumentError: no such task has that name.
    """
    found = task_named(name)
    if not issubclass(found, ExampleTask):
        raise ArgumentError(f"The task {name!r} does not learn from independent examples.")
    return found


def task_named(name: str) -> type[Task]:
    """The task of a name; its file is imported now.

    Raises:
        ArgumentError: no task has that name.
    """
    if name in REGISTERED:
        return REGISTERED[name]
    if name not in HOMES:
        raise ArgumentError(f"No task is called {name!r:.80}; there are: {', '.join((*HOMES, *REGISTERED))}.")
    module, kind = HOMES[name].split(":")
    return cast(type[Task], getattr(importlib.import_module(module), kind))
