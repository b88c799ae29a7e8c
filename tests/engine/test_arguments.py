"""The names of the kernels' arguments are spelled in one file, which both sides import."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from tests.kernel_runs import everything, numbers

from tidegate.cells import CELLS
from tidegate.engine.backends import llvm
from tidegate.engine.backends.llvm.jit.compile import SOURCES
from tidegate.engine.backends.llvm.launch import launcher
from tidegate.engine.kernels import arguments
from tidegate.engine.kernels.arguments import ArgumentTable

FOLDER = Path(str(llvm.__file__)).parent
SIDES = [
    *FOLDER.glob("launch/*.py"),
    *FOLDER.glob("emit/*.py"),
    FOLDER / "kernel_spec.py",
    FOLDER / "front/prepared_step.py",
]
SPELLED = {name: value for name, value in vars(arguments).items() if name.isupper() and isinstance(value, str)}
KINDS = {
    name: function
    for name, function in vars(arguments).items()
    if inspect.isfunction(function) and function.__module__ == arguments.__name__ and name not in ("leaf", "bias")
}


def literals(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The strings of a file, and how f-strings begin, without docstrings."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            inside.add(id(node.value))
        if isinstance(node, ast.JoinedStr) and node.values and isinstance(node.values[0], ast.Constant):
            yield node.lineno, str(node.values[0].value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.lineno, node.value


def spelled_in(source: str) -> list[tuple[int, str]]:
    beginnings = (*(function("") for function in KINDS.values()), "bias ")
    names = literals(ast.parse(source))
    return [(line, text) for line, text in names if text in SPELLED.values() or text.startswith(beginnings)]


@pytest.mark.parametrize("path", sorted(SIDES), ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_no_argument_name_is_spelled_where_arguments_are_set_or_read(path: Path) -> None:
    assert spelled_in(path.read_text()) == []


def test_spelled_names_are_found() -> None:
    source = 'slots["steps"]\nf"stride out {name}"\nf"previous {s}"\n"""A docstring of steps"""\nname = "steps 2"'
    assert sorted(spelled_in(source)) == [(1, "steps"), (2, "stride out "), (3, "previous ")]


def test_names_do_not_collide() -> None:
    made = [*SPELLED.values(), *(function("h") for function in KINDS.values()), arguments.bias(0)]
    assert len(set(made)) == len(made)


def test_a_misspelled_name_fails() -> None:
    with pytest.raises(AttributeError):
        arguments.PADED_HIDDEN  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(TypeError):
        arguments.PackJob(sorce=0)  # pyright: ignore[reportCallIssue]


def test_a_table_assigns_positions_in_order() -> None:
    table = ArgumentTable()
    assert [table[name] for name in (arguments.X, arguments.STEPS, arguments.X)] == [0, 1, 0]
    assert table.slots == {arguments.X: 0, arguments.STEPS: 1}


@pytest.mark.parametrize("name", ["lstm", "layer_norm_lstm", "gru_original"])
def test_every_argument_that_a_kernel_reads_is_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every argument that is set is also read, except for sizes that only projected outputs need."""
    missing: list[set[str]] = []
    unread: set[str] = set()
    real = launcher.Launch.ready

    def watched(self: launcher.Launch, *given: object, **more: object) -> object:
        function, table, barrier = real(self, *given, **more)  # pyright: ignore[reportArgumentType]
        missing.append(set(function.table) - set(self.slots))
        unread.update(set(self.slots) - set(function.table))
        return function, table, barrier

    monkeypatch.setattr(launcher.Launch, "ready", watched)
    everything(CELLS[name], numbers(CELLS[name], (3, 2, 3, 5)), reset=torch.rand(3, 2) < 0.5)
    assert missing == [set()] * 2
    optional = {arguments.OUTPUTS, arguments.PADDED_OUTPUTS, arguments.WIDEST, arguments.X}
    kinds = (arguments.initial(""), arguments.sequence(""), arguments.stride(""), arguments.saved(""))
    assert {name for name in unread if name not in optional and not name.startswith(kinds)} == set()


def test_the_cache_key_depends_on_all_source_that_decides_what_is_emitted() -> None:
    """Every module of Tidegate that the emitters import lies in a folder whose source is digested."""
    seen: set[Path] = set()
    waiting = [*(FOLDER / "emit").glob("*.py"), FOLDER / "kernel_spec.py"]
    root = FOLDER.parents[3]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tidegate.engine"):
                package = root.joinpath(*str(node.module).split("."))
                modules = [package / f"{name.name}.py" for name in node.names] if package.is_dir() else []
                waiting += [*filter(Path.exists, modules), *filter(Path.exists, [package.with_suffix(".py")])]
    assert len(seen) > 15
    assert [path for path in seen if not any(path.is_relative_to(folder) for folder in SOURCES)] == []
