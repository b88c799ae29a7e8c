"""Packages that only some things need: imported on use, and named where they are missing."""

from importlib import import_module
from typing import Any

from tidegate.errors import MissingDependencyError


def needed(module: str, whose: str, package: str = "", *, extra: str = "tasks") -> Any:
    """Import a module of an optional package.

    Args:
        module: its name.
        whose: who cannot do without, as the beginning of a sentence: "Reading tables needs".
        package: what it is installed as; if not given, the name of what is missing.
        extra: the optional part of Tidegate that brings it.

    Raises:
        MissingDependencyError: it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        missing = package or (error.name or module).partition(".")[0]
        raise MissingDependencyError(f"{whose} {missing}: pip install 'tidegate[{extra}]'") from error
