"""All tasks by name: a new one is a file of its own and a line here."""

import importlib
from typing import cast

from tidegate.errors import ArgumentError
from tidegate.tasks.task import Task

HOMES = {
    "lm": "language_modelling:LanguageModelTask",
    "classify": "classify:ClassifyTask",
    "translate": "translate:TranslateTask",
    "caption": "caption:CaptionTask",
}


def task_named(name: str) -> type[Task]:
    """The task of a name; its file is imported now.

    Raises:
        ArgumentError: no task has that name.
    """
    if name not in HOMES:
        raise ArgumentError(f"No task is called {name!r:.80}; there are: {', '.join(HOMES)}.")
    module, kind = HOMES[name].split(":")
    return cast(type[Task], getattr(importlib.import_module(f"tidegate.tasks.{module}"), kind))
