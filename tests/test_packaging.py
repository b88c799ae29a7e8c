"""What is shipped: the wheel, the source distribution, their licences and metadata."""

import importlib.util
import re
import subprocess
import sys
import tarfile
import zipfile
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path

import pytest
from tools.lowest import lowest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "tidegate"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and the source distribution; return their folder."""
    if importlib.util.find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True, capture_output=True
    )
    return folder


def wheel(built: Path) -> zipfile.ZipFile:
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


def metadata(built: Path) -> Message:
    with wheel(built) as file:
        name = next(it for it in file.namelist() if it.endswith(".dist-info/METADATA"))
        return HeaderParser().parsestr(file.read(name).decode())


def test_the_wheel_has_every_file_of_the_package(built: Path) -> None:
    own = {f"tidegate/{path.relative_to(PACKAGE)}" for path in PACKAGE.rglob("*") if path.is_file()}
    own = {name for name in own if "__pycache__" not in name}
    with wheel(built) as file:
        assert {name for name in file.namelist() if not name.startswith("tidegate-")} == own


def test_the_source_distribution_has_every_file_of_the_repository(built: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("there is no repository")
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as file:
        shipped = {name.partition("/")[2] for name in file.getnames()}
    assert {it for it in tracked if it and (ROOT / it).exists()} <= shipped


def test_the_licences_of_what_is_shipped_are_named(built: Path) -> None:
    about = metadata(built)
    assert about["License-Expression"] == "Apache-2.0 AND ISC AND MIT AND BSD-3-Clause"
    files = about.get_all("License-File") or []
    vendored = {path.relative_to(ROOT).as_posix() for path in PACKAGE.rglob("*LICENSE")}
    assert set(files) == {"LICENSE", *vendored}
    for library in PACKAGE.glob("serve/page/vendor/*.js"):
        assert any(Path(name).name.startswith(library.name.partition(".")[0]) for name in vendored), library
    with wheel(built) as file:
        assert len([name for name in file.namelist() if "/licenses/" in name]) == len(files)


def test_the_tested_version_of_python_is_named(built: Path) -> None:
    classifiers = metadata(built).get_all("Classifier") or []
    assert "Programming Language :: Python :: 3.11" in classifiers
    assert metadata(built)["Requires-Python"] == ">=3.11"


def test_every_package_that_users_install_has_a_lowest_version() -> None:
    constraints = lowest()
    assert len(constraints) > 10
    assert all(re.fullmatch(r"[\w-]+==[\d.]+", line) for line in constraints), constraints
