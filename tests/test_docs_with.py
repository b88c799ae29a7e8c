"""Every page about another library runs as it stands, where the library is installed."""

import re
from pathlib import Path

import pytest

WITH = Path(__file__).parent.parent / "docs" / "with"
NEEDED = {
    "accelerate.md": ["accelerate"],
    "captum.md": ["captum"],
    "darts.md": ["darts", "pytorch_lightning"],
    "gluonts.md": ["gluonts", "lightning"],
    "lightning.md": ["lightning"],
    "neuralhydrology.md": ["neuralhydrology"],
    "onnx_runtime.md": ["onnx", "onnxruntime"],
    "opacus.md": ["opacus"],
    "sb3_contrib.md": ["sb3_contrib", "gymnasium"],
    "skorch.md": ["skorch", "sklearn"],
    "torch_func.md": [],
    "torchrl.md": ["torchrl", "tensordict"],
}


def test_every_page_is_run() -> None:
    assert {page.name for page in WITH.glob("*.md")} == set(NEEDED)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", sorted(NEEDED))
def test_a_page_runs(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NEEDED[page]:
        pytest.importorskip(name)
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"^```python\n(.*?)^```", (WITH / page).read_text(), re.DOTALL | re.MULTILINE)
    exec(compile(block, page, "exec"), {"__name__": "page"})
