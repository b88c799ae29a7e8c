"""Captioning: an image once, then a text."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from tidegate.data.columns import Examples
from tidegate.data.rows import Row
from tidegate.data.samples import write_sample
from tidegate.data.sources import Sources
from tidegate.errors import DataError
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.seq2seq.caption import CaptionConfig, CaptionTask

SMALL = CaptionConfig(hidden_size=12, embedding_size=6, dropout=0.0, min_count=1)
NAMES = ["zero", "one", "이", "three"]


def examples(folder: Path, config: CaptionConfig = SMALL, **arrays: Any) -> Examples:
    given = {"features": np.eye(4).repeat(3, 0), "captions": np.array(NAMES).repeat(3)} | arrays
    np.savez(folder / "train.npz", **given)
    return prepare_examples(CaptionTask, Sources((folder / "train.npz",)), config, folder / "run", shares=(1, 0, 0))


def task_of(found: Examples, config: CaptionConfig = SMALL) -> tuple[CaptionTask, Any]:
    torch.manual_seed(0)
    settings: Any = SimpleNamespace(batch_size=4, seed=0, feeding="teacher", backend=None)
    task = CaptionTask(config, found.preprocessing, found, settings)
    return task, task.new_model().eval()


@pytest.mark.parametrize("then", ["previous", "zeros"])
def test_the_image_comes_first_and_once(tmp_path: Path, then: Any) -> None:
    """The loss is that of the layer fed by hand with the image, then the tokens before or zeros."""
    config = replace(SMALL, then=then, cell="gru")
    task, model = task_of(examples(tmp_path, config), config)
    columns = task.batches(0, 1).batch(0, 0).columns
    expected = 0.0
    for image, padded, length in zip(columns["image"].values, *columns["target"], strict=True):
        x, text = [torch.tanh(model.image(model.normal(image[0])))], padded[:length]
        x += list(model.decoder.embedding(text[:-1])) if then == "previous" else [torch.zeros(6)] * (len(text) - 1)
        steps, _ = model.decoder.recurrent(torch.stack(x)[None])
        expected += functional.cross_entropy(model.decoder.output(steps[0]), text, reduction="sum").item()
    assert task.summed_loss(model, columns, 0.0).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("then", ["previous", "zeros"])
def test_mates_change_no_prediction_and_scores_add_up(tmp_path: Path, then: Any) -> None:
    config = replace(SMALL, then=then, beam=3)
    task, model = task_of(examples(tmp_path, config), config)
    rows = [Row(f"{n}", {"image": np.random.default_rng(n).normal(size=4).astype(np.float32)}) for n in range(5)]
    for row, said in task.predict_rows(model, rows):
        ((_, alone),) = task.predict_rows(model, [row])
        assert [it["text"] for it in alone["n_best"]] == [it["text"] for it in said["n_best"]]
        assert alone["score"] == pytest.approx(said["score"], abs=1e-5)


@pytest.mark.parametrize("then", ["previous", "zeros"])
def test_it_learns_names(tmp_path: Path, then: Any) -> None:
    config = replace(SMALL, then=then, hidden_size=24)
    found = examples(tmp_path, config)
    task, model = task_of(found, config)
    best = torch.optim.Adam(model.parameters(), 0.03)
    for epoch in range(30):
        batches = task.batches(0, 1)
        for index in range(len(batches)):
            best.zero_grad()
            task.loss(model, batches.batch(epoch, index), {}, 0.0).mean.backward()
            best.step()
    report = task.measure(model, found.parts["train"])
    metrics = {it.name: it for it in report.metrics}
    assert list(metrics) == ["exact match", "BLEU", "perplexity"]
    assert metrics["exact match"].value == 1.0
    assert metrics["exact match"].of_baseline == 0.25
    assert metrics["BLEU"].value == pytest.approx(100)
    assert "eff:yes" in report.tables["written texts"]  # no caption has four words


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"captions": np.array(["a", " ", *("b" * 10)])}, r"train\.npz, image 2: the target is empty"),
        ({"features": np.full((12, 2), np.inf)}, r"train\.npz, image 1: number 1 of the image is nan or inf"),
    ],
)
def test_bad_examples_are_named(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        examples(tmp_path, **arrays)


def test_images_without_captions_cannot_be_learned_from(tmp_path: Path) -> None:
    np.savez(tmp_path / "train.npz", features=np.zeros((3, 2)))
    with pytest.raises(DataError, match=r"image 1: there is no target: give each image a caption"):
        prepare_examples(CaptionTask, Sources((tmp_path / "train.npz",)), SMALL, tmp_path / "run")


def parts_of(rows: list[Row], seed: int = 0) -> dict[Any, set[str]]:
    found: dict[Any, set[str]] = {}
    for part, row in CaptionTask.split(rows, (0.8, 0.1, 0.1), seed):
        found.setdefault(row.values.get("file", row.values["image"].tobytes()), set()).add(part)
    return found


@pytest.mark.parametrize("named", [True, False])
def test_all_captions_of_an_image_are_in_one_part(named: bool) -> None:
    """Of an image that came from a file by its name, for equal pixels may be two images, else by its numbers."""
    rows = []
    for n in range(1000):
        image = np.full(4, 0 if named else n % 200, np.float32)
        rows.append(Row(f"row {n}", {"image": image, "target": f"{n}"} | ({"file": f"{n % 200}.png"} if named else {})))
    found = parts_of(rows)
    assert len(found) == 200
    assert all(len(parts) == 1 for parts in found.values())
    assert 0.7 < sum(parts == {"train"} for parts in found.values()) / 200 < 0.9
    assert {part for parts in found.values() for part in parts} == {"train", "validation", "test"}
    assert parts_of(rows, seed=1) != found


def test_examples_are_split_by_image(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", features=np.eye(40).repeat(5, 0), captions=np.array(NAMES * 50))
    found = prepare_examples(CaptionTask, Sources((tmp_path / "a.npz",)), SMALL, tmp_path / "run")
    images = {
        name: {part.columns["image"][n].tobytes() for n in range(len(part))} for name, part in found.parts.items()
    }
    assert sum(map(len, images.values())) == 40
    assert found.split_kind == "random 80/10/10 of the images"


def test_the_sample_has_every_image_in_both_languages_and_in_one_part(tmp_path: Path) -> None:
    write_sample("digit-captions", tmp_path, seed=0)
    found = {part: np.load(tmp_path / f"{part}.npz") for part in ("train", "validation", "test")}
    assert [it["features"].shape for it in found.values()] == [(2594, 66), (500, 66), (500, 66)]
    for it in found.values():
        assert it["extra"].tolist() == ["English", "Korean"]
        half = len(it["captions"]) // 2
        names = dict(zip(it["captions"][:half], it["captions"][half:], strict=True))
        assert (names["seven"], names["zero"], len(names)) == ("칠", "영", 10)
        np.testing.assert_array_equal(it["features"][:half, :64], it["features"][half:, :64])
        assert (it["features"][:half, 64:] == [1, 0]).all()
        assert (it["features"][half:, 64:] == [0, 1]).all()
