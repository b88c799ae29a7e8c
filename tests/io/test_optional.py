"""Optional packages: one that is missing, and one that is installed and broken, are told apart."""

import importlib.metadata
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.errors import BrokenDependencyError, DataError, MissingDependencyError
from tidegate.io import optional
from tidegate.io.optional import importing, needed

ROOT = Path(__file__).parent.parent.parent
BROKEN = {
    "a missing shared library": "raise ImportError('libfoo.so.3: cannot open shared object file: No such file')",
    "a library that ctypes cannot load": "raise OSError('libfoo.so.3: cannot open shared object file')",
    "another version's name": "from json import no_such_name",
    "another NumPy": "raise ValueError('numpy.dtype size changed, may indicate binary incompatibility')",
    "an attribute that is gone": "import json; json.no_such_name",
    "a module of its own that is gone": "import {name}.no_such_part",
    "no message": "raise RuntimeError",
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Install a package that runs the parametrised code when it is imported."""
    name = f"tg_package_{abs(hash(request.node.name)) % 10**8}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text(request.param.replace("{name}", name))
    monkeypatch.syspath_prepend(tmp_path)
    return name


@pytest.mark.parametrize("package", BROKEN.values(), ids=BROKEN, indirect=True)
def test_a_broken_package_is_not_called_missing(package: str) -> None:
    with pytest.raises(
        BrokenDependencyError, match=f"This needs {package}; it is installed, but cannot be imported"
    ) as e:
        needed(package, "This needs")
    assert isinstance(e.value, ImportError)
    assert f"pip install --force-reinstall {package}" in str(e.value)
    assert e.value.__cause__ is not None
    assert "\n" not in str(e.value)


@pytest.mark.parametrize("package", ["import no_such_thing"], indirect=True)
def test_a_package_that_another_one_needs_is_named(package: str) -> None:
    with pytest.raises(
        MissingDependencyError, match=f"needs {package}, which needs no_such_thing. It is not installed: "
    ):
        needed(package, "This needs")


@pytest.mark.parametrize(
    "package", ["raise ModuleNotFoundError(\"No module named '_lzma'\", name='_lzma')"], indirect=True
)
def test_a_part_that_python_was_built_without_is_not_for_pip(package: str) -> None:
    with pytest.raises(BrokenDependencyError, match="Python was built without _lzma: use another build of Python"):
        needed(package, "This needs")


def test_an_old_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"scikit-learn": "0.24.2"}
    monkeypatch.setattr(importlib.metadata, "version", lambda name: versions[name])
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: ['scikit-learn>=1.6; extra == "tasks"'])
    message = r"version 0\.24\.2 is installed, .*At least 1\.6 is needed: pip install --upgrade 'scikit-learn>=1\.6'"
    with pytest.raises(BrokenDependencyError, match=message), importing("sklearn", "This needs"):
        raise ImportError("cannot import name 'root_mean_squared_error'")


def test_a_missing_package_names_all_that_is_missing_of_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "fine":
            return "3.0"
        raise importlib.metadata.PackageNotFoundError(name)

    declared = [
        "torch>=2",
        "fine>=1; extra == 'tasks'",
        "no-thing>=1.2; extra == 'tasks'",
        "xarray>=2025.1; extra == 'dev'",
        "a-linter; extra == 'dev'",
        'pillow>=11 ; extra == "tasks"',
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: declared)
    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.delitem(sys.modules, "PIL.Image", raising=False)  # another test may have imported it
    with pytest.raises(MissingDependencyError) as error:
        needed("PIL", "Images need")
    command = str(error.value).partition("It is not installed: ")[2]
    assert command == "pip install 'pillow>=11' 'no-thing>=1.2'"
    assert shlex.split(command)[2:] == ["pillow>=11", "no-thing>=1.2"]
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'xarray>=2025\.1'$"):  # not what developers need
        needed("xarray", "A DataArray needs")


def test_without_metadata_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    with pytest.raises(
        MissingDependencyError, match=r"needs no_such_thing\. It is not installed: pip install no_such_thing$"
    ):
        needed("no_such_thing.part", "This needs")


def test_an_expected_error_inside_is_itself() -> None:
    error = DataError("no")
    with pytest.raises(DataError) as raised, importing("json", "This needs"):
        raise error
    assert raised.value is error


def test_no_message_names_an_index_where_tidegate_is_not() -> None:
    for path in [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]:
        assert "pip install tidegate" not in path.read_text(), path
        assert "tidegate[" not in path.read_text().replace("'.[", ""), path


def test_the_floors_are_read_from_the_metadata() -> None:
    floors = {it.package: it for it in optional._requirements()}
    assert floors["scikit-learn"].text.startswith("scikit-learn>=")
    assert floors["scikit-learn"].extra == "tasks"
    assert floors["torch"].extra == ""


@pytest.mark.parametrize("package", ["raise OSError('libLLVM.so: cannot open shared object file')"], indirect=True)
def test_broken_kernels_are_warned_of_once_and_given_as_the_reason(package: str, tmp_path: Path) -> None:
    (tmp_path / package).rename(tmp_path / "llvmlite")
    script = """
import sys, warnings
sys.path.insert(0, sys.argv[1])
import torch, tidegate
layer, x = tidegate.nn.LSTM(3, 4), torch.zeros(5, 2, 3)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    layer(x), layer(x)
assert len(seen) == 1 and "many times slower. The kernels need llvmlite" in str(seen[0].message), seen
assert "libLLVM.so" in str(layer.explain(x))
try:
    tidegate.nn.LSTM(3, 4, backend="llvm")(x)
except tidegate.errors.BackendError as error:
    assert "cannot be imported (OSError: libLLVM.so" in str(error), error
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=120)
