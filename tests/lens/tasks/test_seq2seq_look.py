"""Inside a translator and a captioner: attention, the beam's tree, encoder and decoder."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.lens.tasks.tiny import tiny_run

from tidegate.data.rows import Row
from tidegate.errors import ArgumentError, DataError
from tidegate.lens.tasks import WriterLook, look_at
from tidegate.tasks.seq2seq.caption import CaptionConfig, CaptionTask
from tidegate.tasks.seq2seq.translate import TranslateConfig, TranslateTask

SMALL = TranslateConfig(hidden_size=5, embedding_size=4, num_layers=2, min_count=1, beam=3)
CAPTION = CaptionConfig(hidden_size=5, embedding_size=4, min_count=1, beam=3)
SOURCES = ["abca", "c", "abcdz", "dbca" * 15 + "abc"]


def tsv(folder: Path) -> list[Path]:
    texts = ["".join("abcd"[(n * k) % 4] for k in range(1, 3 + n % 6)) for n in range(12)]
    (folder / "translate.tsv").write_text("".join(f"{text}\t{text[::-1]}\n" for text in texts))
    return [folder / "translate.tsv"]


def images(folder: Path) -> list[Path]:
    features = np.arange(12 * 9).reshape(12, 9) % 7
    np.savez(folder / "caption.npz", features=features, captions=[("one", "two", "three")[n % 3] for n in range(12)])
    return [folder / "caption.npz"]


def looked(run: Any, given: Any, **options: Any) -> WriterLook:
    look = look_at(run, given, **options)
    assert isinstance(look, WriterLook)
    return look


def check_tree(look: WriterLook, width: int) -> None:
    """What holds of any tree: log p's add up, only what was kept goes on, and a step has room for so many."""
    tree = look.tree
    assert tree.width == width
    steps = Counter(it.step for it in tree.branches)
    assert max(steps.values()) <= 2 * width
    for n, branch in enumerate(tree.branches):
        path = tree.path(n)
        assert path[-1] == n
        assert branch.score == pytest.approx(sum(tree.branches[k].log_p for k in path), rel=1e-9)
        assert [tree.branches[k].step for k in path] == list(range(branch.step + 1))
        assert all(tree.branches[k].fate == "kept" for k in path[:-1])
        assert branch.log_p <= 0
    kept = Counter(it.step for it in tree.branches if it.fate == "kept")
    assert max(kept.values(), default=0) <= width
    ended = [n for n, it in enumerate(tree.branches) if it.fate == "finished"]
    assert {n for n in tree.leaves if tree.branches[n].fate == "finished"} == set(ended)
    if len(ended) == width:  # the search was over before the limit
        last = max(steps)
        assert all(it.fate != "cut" and (it.step < last or it.fate != "kept") for it in tree.branches)
    for scores in ([it.score for it in tree.branches if it.step == step] for step in steps):
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("source", SOURCES, ids=len)
@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_the_best_leaf_is_the_text_of_predict(tmp_path: Path, source: str, width: int) -> None:
    task, run = tiny_run(TranslateTask, tsv(tmp_path), SMALL)
    look = looked(run, source, beam=width)
    check_tree(look, width)
    own = TranslateTask(replace(SMALL, beam=width), task.preprocessing)
    ((_, said),) = own.predict_rows(run.model, [Row("", {"source": source})])
    assert look.prediction == said
    leaves = [[look.tree.branches[k].token for k in look.tree.path(n)] for n in look.tree.leaves]
    texts = [it["text"] for it in said.get("n_best", [said])]
    assert ["".join(it).removesuffix("<end>") for it in leaves] == texts
    assert [look.tree.branches[n].score for n in look.tree.leaves] == [it["score"] for it in said.get("n_best", [said])]
    assert leaves[0] == list(look.written)


@pytest.mark.parametrize("cell", ["lstm", "gru"])
@pytest.mark.parametrize("source", SOURCES, ids=len)
def test_tokens_are_written_from_the_states_in_the_trace(tmp_path: Path, source: str, cell: str) -> None:
    """Attention and each token's log p, computed by hand from both traces, are those of attention and of the search."""
    _, run = tiny_run(TranslateTask, tsv(tmp_path), replace(SMALL, cell=cell))
    run.model.decoder.output.bias.data[run.model.decoder.end] -= 5  # that no text ends at once
    look = looked(run, source)
    encoder, decoder = look.steps["source"], look.steps["target"]
    assert encoder.read == tuple(source)
    assert decoder.read == ("<end>", *look.written[:-1])
    memory = np.concatenate([encoder.trace[1, 0]["h"], encoder.trace[1, 1]["h"]], 1)
    own = {name: it.detach().numpy() for name, it in run.model.decoder.named_parameters()}
    steps = decoder.trace[1, 0]["h"]
    odds = np.exp(steps @ own["attention.query.weight"].T @ memory.T)
    weights = odds / odds.sum(1, keepdims=True)
    assert look.attention is not None
    assert look.attention.shape == (len(look.written), len(source))
    np.testing.assert_allclose(look.attention, weights, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(look.attention.sum(1), 1, rtol=1e-5)
    mixed = np.tanh(np.concatenate([weights @ memory, steps], 1) @ own["attention.mix.weight"].T)
    logits = mixed @ own["output.weight"].T + own["output.bias"]
    log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert decoder.choices is not None
    np.testing.assert_allclose(decoder.choices.probabilities, np.exp(log), rtol=1e-3, atol=1e-5)
    path = [look.tree.branches[n] for n in look.tree.path(look.tree.leaves[0])]
    chosen = [log[t, decoder.choices.labels.index(token)] for t, token in enumerate(look.written)]
    np.testing.assert_allclose([it.log_p for it in path], chosen, rtol=1e-3, atol=1e-4)
    assert len({it.log_p for it in path}) == len(path)
    assert len(path) > 1


def test_texts_cut_at_the_limit_are_marked(tmp_path: Path) -> None:
    _, run = tiny_run(TranslateTask, tsv(tmp_path), SMALL)
    with_end = run.model.decoder.output.bias
    with_end.data[run.model.decoder.end] = -50  # it never ends
    look = looked(run, "abc", max_length=3)
    check_tree(look, 3)
    assert len(look.written) == 4
    assert [look.tree.branches[n].fate for n in look.tree.leaves] == ["cut"] * 3
    assert {it.step for it in look.tree.branches if it.fate == "cut"} == {3}


@pytest.mark.parametrize("attention", ["dot", "none"])
def test_other_attention(tmp_path: Path, attention: Any) -> None:
    config = replace(SMALL, attention=attention, bidirectional=False)
    _, run = tiny_run(TranslateTask, tsv(tmp_path), config)
    look = looked(run, "abcab")
    assert (look.attention is None) == (attention == "none")
    assert look.steps["source"].trace.directions == 1
    if look.attention is not None:
        odds = np.exp(look.steps["target"].trace[1, 0]["h"] @ look.steps["source"].trace[1, 0]["h"].T)
        np.testing.assert_allclose(look.attention, odds / odds.sum(1, keepdims=True), rtol=1e-4, atol=1e-6)


def test_an_example_of_the_run_has_its_texts(tmp_path: Path) -> None:
    _, run = tiny_run(TranslateTask, tsv(tmp_path), SMALL)
    look = looked(run, 3, part="train")
    assert look.truth == {"text": "".join(look.steps["source"].read)[::-1]}
    assert look.prediction == looked(run, "".join(look.steps["source"].read)).prediction


@pytest.mark.parametrize("then", ["previous", "zeros"])
@pytest.mark.parametrize("shape", [(9,), (3, 3), (1, 3, 3)])
def test_a_captioner_sees_the_image_first(tmp_path: Path, then: Any, shape: tuple[int, ...]) -> None:
    task, run = tiny_run(CaptionTask, images(tmp_path), replace(CAPTION, then=then))
    image = (np.arange(9, dtype=np.float32) * 5) % 7
    look = looked(run, image.reshape(shape))
    check_tree(look, 3)
    ((_, said),) = task.predict_rows(run.model, [Row("", {"image": image})])
    assert look.prediction == said
    target = look.steps["target"]
    later = look.written[:-1] if then == "previous" else ("",) * (len(look.written) - 1)
    assert target.read == ("<image>", *later)
    assert look.attention is None
    assert look.image is not None
    assert look.image.values.shape == (1, *(shape if len(shape) > 1 else (3, 3)))
    np.testing.assert_allclose(look.image.values.ravel(), image / 6, rtol=1e-6)
    path = [look.tree.branches[n] for n in look.tree.path(look.tree.leaves[0])]
    assert target.choices is not None
    said_by_trace = [
        target.choices.probabilities[t, target.choices.labels.index(it.token)] for t, it in enumerate(path)
    ]
    np.testing.assert_allclose(np.log(said_by_trace), [it.log_p for it in path], atol=1e-4)
    stored = looked(run, 1, part="train")
    assert stored.truth == {"text": "two"}


def test_there_is_no_other_branch(tmp_path: Path) -> None:
    _, run = tiny_run(TranslateTask, tsv(tmp_path), SMALL)
    tree = looked(run, "abc").tree
    for branch in (-1, len(tree.branches)):
        with pytest.raises(ArgumentError, match=f"no branch {branch}"):
            tree.path(branch)


@pytest.mark.parametrize("names", [("en", "ko"), ()])
def test_a_captioner_s_picture_is_its_pixels_and_the_numbers_after_them_have_names(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    features = np.random.default_rng(0).random((12, 18))
    features[:, 16:] = [3, 0]
    arrays: dict[str, Any] = {"features": features, "captions": np.array(["one", "two"] * 6)}
    if names:
        arrays["extra"] = np.array(names)
    np.savez(tmp_path / "a.npz", **arrays)
    _, run = tiny_run(CaptionTask, [tmp_path / "a.npz"], CaptionConfig(hidden_size=5, embedding_size=4, min_count=1))
    look = looked(run, 2, part="train")
    assert look.image is not None
    np.testing.assert_allclose(look.image.values[0], features[2, :16].reshape(4, 4), rtol=1e-6)
    assert (look.image.low, look.image.high) == (0, 1)  # of the pixels alone
    assert look.extra == dict(zip(names or ("number 17", "number 18"), (3, 0), strict=True))
    whole = look_at(run, 2, part="train", picture=(3, 6))
    assert isinstance(whole, WriterLook)
    assert (whole.image.values.shape if whole.image else None, whole.extra) == ((1, 3, 6), {})


def test_files_whose_extra_numbers_differ_are_refused(tmp_path: Path) -> None:
    for file, extra in {"a": ["en", "ko"], "b": ["ko", "en"]}.items():
        arrays: dict[str, Any] = {"features": np.zeros((3, 6)), "captions": np.array(["one", "two", "one"])}
        np.savez(tmp_path / f"{file}.npz", extra=np.array(extra), **arrays)
    with pytest.raises(DataError, match=r"the extra numbers are ko, en, but were en, ko before"):
        tiny_run(CaptionTask, [tmp_path / "a.npz", tmp_path / "b.npz"], CaptionConfig(hidden_size=5, min_count=1))
