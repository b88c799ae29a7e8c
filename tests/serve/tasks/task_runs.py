"""Small runs of all tasks whose data are hostile, and helpers of the tests that look at them."""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lens.tasks.tiny import tiny_run

from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks import look_at
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.task import RegressTask
from tidegate.tasks.seq2seq.caption import CaptionConfig, CaptionTask
from tidegate.tasks.seq2seq.translate import TranslateConfig, TranslateTask
from tidegate.tasks.tag.task import TagConfig, TagTask
from tidegate.train import Run

SCRIPT = "<script>document.title='taken'</script>"
IMAGE = "<img/src=x/onerror=alert(1)>"
SHARES = (0.5, 0.5, 0.0)
SIZES: dict[str, Any] = {"hidden_size": 5, "embedding_size": 4, "min_count": 1}
Served = Callable[[str], tuple[ExampleSession, str]]


def _tag(folder: Path) -> Run:
    sentences = (["w0", "Ann", "Lee"], [SCRIPT], ["w1", SCRIPT, "w0", "Ann"], ["Ann", "Lee", IMAGE]) * 3
    tags = {"Ann": f"B-{IMAGE}", "Lee": f"I-{IMAGE}", SCRIPT: "B-L", IMAGE: "O", "w0": "O", "w1": "O"}
    (folder / "a.conll").write_text("\n".join("".join(f"{it}\t{tags[it]}\n" for it in words) for words in sentences))
    return tiny_run(TagTask, [folder / "a.conll"], TagConfig(**SIZES, num_layers=2), shares=SHARES)[1]


def _characters(folder: Path) -> Run:
    rows = '{"text": "ab\\na", "tags": ["x", "x", "z", "x"]}\n{"text": "b", "tags": ["<b>"]}\n'
    (folder / "a.jsonl").write_text(rows * 6)
    return tiny_run(TagTask, [folder / "a.jsonl"], TagConfig(**SIZES), shares=SHARES)[1]


def _classify(folder: Path) -> Run:
    lines = (
        f"__label__{(IMAGE, 'b', 'c')[n % 3]} so {('good', 'bad', IMAGE)[n % 3]} {'z ' * (n % 4)}" for n in range(18)
    )
    (folder / "a.txt").write_text("\n".join(lines) + "\n")
    config = ClassifyConfig(**SIZES, level="words", pooling="attention")
    return tiny_run(ClassifyTask, [folder / "a.txt"], config, shares=SHARES)[1]


def _frames(folder: Path) -> Run:
    draw = np.random.default_rng(0)
    np.savez(folder / "a.npz", frames=draw.random((12, 7, 9)), labels=np.arange(12) % 3)
    config = ClassifyConfig(hidden_size=5, bidirectional=False)
    return tiny_run(ClassifyTask, [folder / "a.npz"], config, shares=SHARES)[1]


def _translate(folder: Path) -> Run:
    texts = ["".join("abc<"[(n * k) % 4] for k in range(1, 3 + n % 6)) for n in range(12)]
    (folder / "a.tsv").write_text("".join(f"{text}\t{text[::-1]}<b>\n" for text in texts))
    config = TranslateConfig(**SIZES, num_layers=2, beam=3, max_length=7)
    return tiny_run(TranslateTask, [folder / "a.tsv"], config, shares=SHARES)[1]


def _caption(folder: Path) -> Run:
    features = np.arange(12 * 10).reshape(12, 10) % 7
    np.savez(folder / "a.npz", features=features, captions=[("one", SCRIPT, "three")[n % 3] for n in range(12)])
    return tiny_run(CaptionTask, [folder / "a.npz"], CaptionConfig(**SIZES, beam=2), shares=SHARES)[1]


def _forecast(folder: Path) -> Run:
    lines = (f"{10 + 3 * math.sin(t / 3):.5f}" for t in range(100))
    (folder / "a.csv").write_text("a\n" + "".join(line + "\n" for line in lines))
    config = ForecastConfig(hidden_size=5, horizon=4, window=20, paths=15)
    return tiny_run(ForecastTask, [folder / "a.csv"], config, shares=SHARES)[1]


def _regress(folder: Path) -> Run:
    lines = (f"{SCRIPT[t % 2 :]},{math.sin(t / 3):.5f},{'' if t % 7 == 3 else t}" for t in range(120))
    (folder / "a.csv").write_text(f"of,{IMAGE},<b>\n" + "".join(line + "\n" for line in lines))
    config = RegressConfig(inputs=IMAGE, targets="<b>", hidden_size=5, series_column="of")
    return tiny_run(RegressTask, [folder / "a.csv"], config, shares=SHARES)[1]


RUNS = {
    "tag": _tag,
    "characters": _characters,
    "classify": _classify,
    "frames": _frames,
    "translate": _translate,
    "caption": _caption,
    "forecast": _forecast,
    "regress": _regress,
}
every = pytest.mark.parametrize("name", RUNS)


def looked(run: Run, given: Any, **options: Any) -> Any:
    return look_at(run, given, **options)


def unpacked(packed: Any) -> Any:
    return np.frombuffer(b64decode(packed["data"]), np.int8).reshape(packed["shape"]) / 127 * packed["scale"]


def no_markup(page: Any) -> None:
    """What is in the data is nowhere an element, and ran nowhere."""
    assert page.title().endswith(" - Tidegate")
    assert page.evaluate("document.querySelectorAll('main script, main img, main b').length") == 0
