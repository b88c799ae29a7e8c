"""What the shape of the project promises."""

import graphlib
import re
import statistics
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "tidegate"
SOURCES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = sorted({path.parent for path in SOURCES})
# Modules of the same name in parallel rooms: each task has these, and each backend that compiles; a screen's and a
# verb's name is that of its subject.
PARALLEL = {"__init__", "task", "reader", "scores", "model", "config"}
PARALLEL |= {"kernel_spec", "kernel", "passes", "pointwise", "products", "reasons", "reductions", "weight_gradients"}


def test_import_is_light() -> None:
    """`import tidegate` brings torch and numpy, and none of the optional packages."""
    code = "import sys, tidegate; print(' '.join(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"accelerate", "rich", "typer", "tokenizers", "huggingface_hub", "datasets", "sklearn", "safetensors"}
    assert not heavy & set(done.stdout.split())


def test_help_does_not_import_torch() -> None:
    code = """
import sys
from tidegate.cli import main
sys.argv = ["tidegate", "--help"]
try:
    main()
except SystemExit as end:
    assert end.code == 0
assert "torch" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "generate" in done.stdout


# It executes what the room itself has written, of numbers and of names reduced to plain letters.
EXECUTES = ROOT / "src/tidegate/engine/backends/triton/emit/compiled.py"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_idea_and_opens_nothing_that_executes(path: Path) -> None:
    text = path.read_text()
    assert text.startswith('"""'), "a file begins by saying what it is"
    assert len(text.splitlines()) <= 350
    if path != EXECUTES:
        assert not re.search(r"(?<![\w.])(eval|exec)\(", text)
    plain = re.sub(r"torch\.load\([^()]*weights_only=True\)", "", text)  # which makes tensors only
    assert not re.search(r"\bimport pickle\b|\btorch\.(load|save)\(|allow_pickle=True", plain)


def test_there_is_no_import_circle() -> None:
    """Neither at run time nor among imports for types only, nor within functions."""
    graph = grimp.build_graph("tidegate", exclude_type_checking_imports=False, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert sum(map(len, imports.values())) > 1000  # the graph was read
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError with the circle's modules


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_has_at_most_17_modules_and_says_what_it_is(folder: Path) -> None:
    assert len(list(folder.glob("*.py"))) <= 17
    assert (folder / "__init__.py").read_text().startswith('"""')


def test_modules_are_short() -> None:
    assert statistics.median(len(path.read_text().splitlines()) for path in SOURCES) <= 110


def test_a_file_name_is_given_once() -> None:
    """A name stands twice only where rooms are parallel: for each task, and screens and verbs of a subject."""
    places = defaultdict(list)
    for path in SOURCES:
        if path.stem not in PARALLEL and path.parent.name not in ("screens", "verbs"):
            places[path.stem].append(str(path.relative_to(PACKAGE)))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_the_wheel_holds_the_product_only() -> None:
    """No benchmarks, no teaching material, and nothing that draws with matplotlib."""
    assert not (PACKAGE / "bench").exists()
    assert not any(re.search(r"\b(import|from) matplotlib\b", path.read_text()) for path in SOURCES)
