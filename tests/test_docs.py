"""The tutorial's code runs from top to bottom, and prints what the page says."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"


@pytest.mark.parametrize(
    ("page", "outputs"),
    [
        ("your_own_cell.md", 8),
        ("your_own_task.md", 1),
        ("concepts.md", 2),
        ("index.md", 0),
        ("drop_in.md", 0),
        ("half_precision.md", 1),
        ("hub.md", 1),
        ("data_frames.md", 1),
        ("export_audio.md", 1),
        pytest.param("export_torch.md", 0, marks=[pytest.mark.slow, pytest.mark.filterwarnings("ignore")]),
    ],
)
def test_a_pages_code_prints_what_it_says(
    page: str, outputs: int, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if page == "export_torch.md":
        pytest.importorskip("onnxscript")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE)
    names = {"__name__": "tutorial"}
    printed = ""
    shown = 0
    for language, block in blocks:
        if language == "sh":
            continue
        if language:
            exec(compile(block, page, "exec"), names)
            printed = capsys.readouterr().out
        else:
            assert printed == block
            shown += 1
    assert shown >= outputs


def test_the_page_on_kernels_names_every_file_of_the_backend_and_nothing_else() -> None:
    text = (DOCS / "kernels.md").read_text()
    package = DOCS.parent / "src" / "tidegate"
    engine, backend = package / "engine", package / "engine" / "backends" / "llvm"
    named = set()
    for path in re.findall(r"`([\w/]+\.py)`", text):
        found = [folder / path for folder in (engine, backend, package) if (folder / path).is_file()]
        assert len(found) == 1, path
        named.add(found[0])
    described = {*backend.rglob("*.py"), *(engine / "kernels").rglob("*.py")}
    assert {path for path in described if path.name != "__init__.py"} <= named
    for room in re.findall(r"^\| `(\w+/)`", text, re.MULTILINE):
        assert (backend / room).is_dir(), room
    source = "".join(path.read_text() for path in package.rglob("*.py"))
    for name in re.findall(r"`([A-Z]\w+|\w+_\w+)(?:\.\w+)?`", text):
        assert re.search(rf"\b{name}\b", source) or name == "OMP_PROC_BIND", name
