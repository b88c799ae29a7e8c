"""What the shape of the project promises."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src" / "tidegate").rglob("*.py"))


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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_holds_one_idea_and_opens_nothing_that_executes(path: Path) -> None:
    text = path.read_text()
    assert text.startswith('"""'), "a file begins by saying what it is"
    assert len(text.splitlines()) <= 350
    assert not re.search(r"\bimport pickle\b|\btorch\.(load|save)\(|(?<![\w.])(eval|exec)\(|allow_pickle=True", text)
