"""Optional packages: imported on use. A package that is missing and one that is broken are reported differently."""

import importlib.metadata
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple

from tidegate.errors import BrokenDependencyError, MissingDependencyError, TidegateError

_DISTRIBUTIONS = {
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "huggingface_hub": "huggingface-hub",
}  # where the name for pip is not that of the module

_DECLARED = re.compile(  # datasets>=4.0; extra == "tasks"
    r"(?P<text>(?P<package>[\w.-]+)\s*(?:>=\s*(?P<version>[\d.]+))?)[^;]*(?:;.*extra == ['\"](?P<extra>\w+))?"
)


def needed(module: str, purpose: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: its name.
        purpose: what needs it, as the beginning of a sentence: "Reading tables needs".

    Raises:
        MissingDependencyError: it is not installed; the message says how to install it.
        BrokenDependencyError: it is installed, but cannot be imported.
    """
    with importing(module, purpose):
        return import_module(module)


@contextmanager
def importing(module: str, purpose: str) -> Iterator[None]:
    """Import from an optional package within: ``with importing("PIL", "Images need"): from PIL import Image``.

    Args:
        module: the package's module.
        purpose: what needs it, as the beginning of a sentence.

    Raises:
        MissingDependencyError: it is not installed; the message says how to install it.
        BrokenDependencyError: it is installed, but cannot be imported.
    """
    try:
        yield
    except TidegateError:
        raise
    except Exception as error:  # a broken package can raise anything when it is imported
        raise cannot_import(module, purpose, error) from error


def cannot_import(module: str, purpose: str, error: Exception) -> TidegateError:
    """Return the error that says why a package cannot be imported, and what to do in the shell."""
    root = module.partition(".")[0]
    package = _DISTRIBUTIONS.get(root, root)
    wanted = _requirement(package)
    missing = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if missing and missing not in sys.stdlib_module_names and not _is_there(missing):
        through = "" if missing == root else f", which needs {missing}"
        return MissingDependencyError(f"{purpose} {package}{through}. It is not installed: {_install(package)}")
    version = _version(package)
    installed = f"version {version} is installed" if version else "it is installed"
    if version and _numbers(version) < _numbers(wanted.version):
        mend = f"At least {wanted.version} is needed: pip install --upgrade {shlex.quote(wanted.text)}"
    elif missing in sys.stdlib_module_names:
        mend = f"Python was built without {missing}: use another build of Python"
    else:
        mend = f"Install it again: pip install --force-reinstall {shlex.quote(wanted.text)}"
    why = f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}"
    return BrokenDependencyError(f"{purpose} {package}; {installed}, but cannot be imported ({why}). {mend}")


class _Requirement(NamedTuple):
    text: str
    package: str
    version: str = ""
    extra: str = ""


def _requirements() -> list[_Requirement]:
    """Return what Tidegate's own metadata declare; nothing where it runs without being installed."""
    try:
        lines = importlib.metadata.requires("tidegate") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [match.groupdict("") for line in lines if (match := _DECLARED.match(line))]
    return [_Requirement(**{name: value.strip() for name, value in it.items()}) for it in found]


def _requirement(package: str) -> _Requirement:
    return next((it for it in _requirements() if it.package == package), _Requirement(package, package))


def _install(package: str) -> str:
    """Return the command that installs a package, and what else is missing of an extra for users."""
    wanted = _requirement(package)
    extra = wanted.extra if wanted.extra in ("cli", "look", "tasks", "onnx", "hub") else None
    beside = [it for it in _requirements() if it.extra == extra and not _version(it.package)]
    return "pip install " + " ".join(shlex.quote(it.text) for it in dict.fromkeys([wanted, *beside]))


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3]]


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # sys.modules has None for it: its import is blocked
        return False
