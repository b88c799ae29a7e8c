"""Optional packages: imported on use, with a clear message if they are not installed."""

from importlib import import_module
from typing import Any

from tidegate.errors import MissingDependencyError


def needed(module: str, whose: str, package: str = "", *, extra: str = "tasks") -> Any:
    """Import a module of an optional package.

    Args:
        module: its name.
        whose: what needs it, as the beginning of a sentence: "Reading tables needs".
        package: its name for pip; by default, that of the missing module.
        extra: the extra of Tidegate that installs it.

    Raises:
        MissingDependencyError: it is not installed; the message says how to install it.
    """
    try:
        return import_module(module)
    except ImportError as error:
        missing = package or (error.name or module).partition(".")[0]
        raise MissingDependencyError(f"{whose} {missing}: pip install 'tidegate[{extra}]'") from error
