"""Objects in a user's own Python files, by what the user typed: ``my_file.py:name`` or ``my_module:name``.

Importing runs code. Nothing named in a file that was read (a run folder, a checkpoint) may be passed on to here.
"""

import hashlib
import importlib
import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from tidegate.errors import ArgumentError


def load_object(where: str, kind: str, error: type[Exception] = ArgumentError) -> Any:
    """Import a module or run a file, and return one object of it.

    Modules are looked for in the current folder too, and a file may import its neighbours.

    Args:
        where: ``FILE.py:NAME`` or ``MODULE:NAME``, as the user typed it.
        kind: what is looked for, such as "cell", for messages.
        error: raised if it cannot be loaded.

    Raises:
        Exception: of the type ``error``: there is no such file, module or name, or the file's own code failed.
    """
    home, _, name = where.rpartition(":")
    if not home or not name:
        raise error(f"{where!r} does not name a {kind}: give FILE.py:NAME or MODULE:NAME.")
    is_file = home.endswith(".py") or Path(home).name != home
    found: Any = _run_file(Path(home), kind, error) if is_file else _import(home, kind, error)
    for part in name.split("."):
        if not hasattr(found, part):
            raise error(f"{home} has no {kind} {name!r}.")
        found = getattr(found, part)
    return found


def is_location(text: str) -> bool:
    """Whether a text reads like ``FILE.py:NAME`` or ``MODULE:NAME`` and not like a name."""
    home, _, name = text.rpartition(":")
    return bool(home and name)


def _import(name: str, kind: str, error: type[Exception]) -> ModuleType:
    _find_neighbours(Path.cwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as fault:
        if fault.name and (name == fault.name or name.startswith(f"{fault.name}.")):
            raise error(f"No module is called {name!r}, so the {kind} cannot be loaded.") from None
        raise _failed(fault, f"The module {name}", _origin(name), error) from fault
    except (Exception, SystemExit) as fault:
        raise _failed(fault, f"The module {name}", _origin(name), error) from fault


def _origin(module: str) -> str | None:
    """Path of a module's file, unless a package around it cannot be imported either."""
    try:
        spec = importlib.util.find_spec(module)
    except Exception:
        return None
    return spec.origin if spec else None


def _run_file(path: Path, kind: str, error: type[Exception]) -> ModuleType:
    if not path.is_file():
        raise error(f"There is no file {str(path)!r}, so the {kind} cannot be loaded.")
    path = path.resolve()
    # A name that no import statement uses: a file called random.py must not become the module `random`.
    name = f"_tidegate_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise error(f"{str(path)!r} is not a Python file, so the {kind} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    _find_neighbours(path.parent)
    before = sys.modules.get(name)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as fault:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        raise _failed(fault, str(path), str(path), error) from fault
    return module


def _find_neighbours(folder: Path) -> None:
    """Let imports find the modules in a folder, after all others."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _failed(fault: BaseException, what: str, path: str | None, error: type[Exception]) -> Exception:
    """Return an error that names the file's line, where a line of it was running."""
    if isinstance(fault, SyntaxError) and fault.filename:
        what, line = fault.filename, fault.lineno
    else:
        lines = [frame.lineno for frame in traceback.extract_tb(fault.__traceback__) if frame.filename == path]
        line = lines[-1] if lines else None
    place = f"{what}, line {line}" if line else what
    return error(f"{place}: {type(fault).__name__}: {fault}")
