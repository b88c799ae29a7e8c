"""Translating: files to examples to a model to texts, on data small enough to be learned in a moment."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.data.columns import Examples
from tidegate.data.rows import Row
from tidegate.data.sources import Sources, find_sources
from tidegate.errors import ArgumentError, DataError
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.seq2seq.search import Hypothesis
from tidegate.tasks.seq2seq.task import stored_texts
from tidegate.tasks.seq2seq.translate import TranslateConfig, TranslateTask
from tidegate.text.sampling import Sampling

SMALL = TranslateConfig(hidden_size=12, embedding_size=6, dropout=0.0)
SETTINGS: Any = SimpleNamespace(batch_size=8, seed=0, feeding="teacher", backend=None)


def examples(folder: Path, lines: str, config: TranslateConfig = SMALL, name: str = "train.tsv") -> Examples:
    (folder / name).write_text(lines, "utf-8")
    return prepare_examples(TranslateTask, Sources((folder / name,)), config, folder / "run", shares=(1, 0, 0))


def reversing(count: int = 60, seed: int = 0) -> str:
    """Letters and their reverse."""
    draw = np.random.default_rng(seed)
    texts = ["".join(draw.choice(list("abcd"), size=draw.integers(1, 6))) for _ in range(count)]
    return "".join(f"{it}\t{it[::-1]}\tignored\n" for it in texts)


def task_of(found: Examples, config: TranslateConfig = SMALL, **settings: Any) -> tuple[TranslateTask, Any]:
    torch.manual_seed(0)
    of_training: Any = SimpleNamespace(**{**vars(SETTINGS), **settings})
    task = TranslateTask(config, found.preprocessing, found, of_training)
    return task, task.new_model().eval()


def rows(*texts: str) -> list[Row]:
    return [Row(f"row {n}", {"source": it}) for n, it in enumerate(texts)]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh"])
@pytest.mark.parametrize(("layers", "both"), [(1, True), (2, False), (2, True)])
def test_mates_and_padding_change_no_prediction(tmp_path: Path, cell: str, layers: int, both: bool) -> None:
    config = replace(SMALL, cell=cell, num_layers=layers, bidirectional=both, beam=3)
    task, model = task_of(examples(tmp_path, reversing(), config), config)
    with torch.no_grad():
        model.decoder.output.bias[1] += 1  # ends now and then
    given = rows("a", "abcdab", "dd", "cabd", "x?")
    together = [it for _, it in task.predict_rows(model, given)]
    for row, one in zip(given, together, strict=True):
        ((_, alone),) = task.predict_rows(model, [row])
        assert [it["text"] for it in alone["n_best"]] == [it["text"] for it in one["n_best"]]
        scores = [it["score"] for it in one["n_best"]]
        assert [it["score"] for it in alone["n_best"]] == pytest.approx(scores, abs=1e-5)
        assert one["text"] == one["n_best"][0]["text"]
        assert one["score"] == scores[0]
        assert 1 <= len(scores) <= 3


def test_the_loss_is_the_sum_over_the_predictions_that_are_counted(tmp_path: Path) -> None:
    found = examples(tmp_path, reversing())
    task, model = task_of(found)
    batches = task.batches(0, 1)
    batch = batches.batch(0, 0)
    nats, count = task.summed_loss(model, batch.columns, 0.0), batches.predictions(0, 0)
    assert count == int(batch.columns["target"].lengths.sum())
    alone = 0.0
    for n in range(len(batch.columns["target"].lengths)):
        cut = {k: type(v)(v.values[n : n + 1, : v.lengths[n]], v.lengths[n : n + 1]) for k, v in batch.columns.items()}
        alone += task.summed_loss(model, cut, 0.0).item()
    assert nats.item() == pytest.approx(alone, rel=1e-5)
    torch.testing.assert_close(task.loss(model, batch, {}, 0.0).mean, nats / count)


def test_the_target_ends_and_the_first_input_is_no_token_of_it(tmp_path: Path) -> None:
    found = examples(tmp_path, "abab\tba\nbb\ta\n", replace(SMALL, min_count=1))
    part = found.parts["train"]
    target = found.preprocessing.vocabulary("target")
    assert [target.decode(part.columns["target"][n]) for n in range(2)] == [["b", "a", "<end>"], ["a", "<end>"]]
    assert found.preprocessing.number("longest") == 3
    # p(first token) must depend on the source only: changing later tokens of the target leaves it alone.
    task, model = task_of(found)
    columns = task.batches(0, 1).batch(0, 0).columns
    begin = model.begin(columns)
    one, other = (torch.tensor([[2, a, b], [2, b, a]]) for a, b in ((2, 3), (3, 2)))
    lengths = torch.tensor([3, 3])
    nats = [model.decoder.losses(begin.first, it, lengths, begin.state, begin.memory) for it in (one, other)]
    torch.testing.assert_close(nats[0][:, 0], nats[1][:, 0])
    assert not torch.equal(nats[0][:, 1:], nats[1][:, 1:])


@pytest.mark.parametrize("feeding", ["greedy", "sampled"])
def test_a_share_of_its_own_predictions_changes_the_loss_and_none_does_not(tmp_path: Path, feeding: str) -> None:
    task, model = task_of(examples(tmp_path, reversing()), feeding=feeding)
    with torch.no_grad():  # so that what was fed matters
        model.decoder.embedding.weight *= 10
    columns = task.batches(0, 1).batch(0, 0).columns
    teacher, _ = task_of(task.examples)  # type: ignore[arg-type]
    taught = teacher.summed_loss(model, columns, 0.0)
    assert torch.equal(task.summed_loss(model, columns, 0.0), taught)
    torch.manual_seed(1)
    own = task.summed_loss(model, columns, 1.0)
    assert abs(own.item() - taught.item()) > 1e-3
    torch.manual_seed(1)
    assert torch.equal(task.summed_loss(model, columns, 1.0), own)


def test_streaming_gives_the_predicted_text_in_pieces(tmp_path: Path) -> None:
    task, model = task_of(examples(tmp_path, reversing()))
    (row,) = rows("abca")
    ((_, said),) = task.predict_rows(model, [row])
    assert "".join(task.stream(model, row)) == said["text"]
    drawn = ["".join(task.stream(model, row, Sampling(), seed=n)) for n in range(8)]
    assert len(set(drawn)) > 1
    assert drawn == ["".join(task.stream(model, row, Sampling(), seed=n)) for n in range(8)]
    stream = task.stream(model, row)
    next(stream, None)
    assert not torch.is_inference_mode_enabled()


def test_unknown_tokens_are_read_but_never_written(tmp_path: Path) -> None:
    task, model = task_of(examples(tmp_path, reversing() + "z\tz\n"))
    assert "z" not in task.preprocessing.vocabulary("target")
    with torch.no_grad():
        model.decoder.output.bias[0] += 100
    said = [it["text"] for _, it in task.predict_rows(model, rows("zß", "ab"))]
    assert all(set(it) <= set("abcd") for it in said)
    part = task.examples.parts["train"]  # type: ignore[union-attr]
    report = task.measure(model, part)
    assert "<unk>" not in report.tables["examples"]


@pytest.mark.parametrize("beam", [1, 2])
def test_nothing_is_longer_than_is_allowed(tmp_path: Path, beam: int) -> None:
    config = replace(SMALL, beam=beam, max_length=2)
    task, model = task_of(examples(tmp_path, reversing(), config), config)
    with torch.no_grad():
        model.decoder.output.bias[1] -= 100  # never ends
    assert task.preprocessing.number("longest") == 6
    ((_, said),) = task.predict_rows(model, rows("abcd"))
    assert len(said["text"]) == 3  # the third would have been the end


def test_metrics_stand_beside_copying_and_the_commonest(tmp_path: Path) -> None:
    found = examples(tmp_path, "abc\tabc\nab\tx\ncd\tx\nd\tx\n", replace(SMALL, min_count=1))
    task, model = task_of(found)
    metrics = {it.name: it for it in task.measure(model, found.parts["train"]).metrics}
    assert list(metrics) == ["exact match", "chrF", "BLEU", "perplexity"]
    assert (metrics["exact match"].baseline, metrics["exact match"].of_baseline) == ("always 'x'", 0.75)
    # Counted by hand: a 1, b 1, c 1, x 3, end 4, unknown 0, and one more of each: 16 in all.
    tokens = 3 * [2] + 3 * [4] + 4 * [5]
    expected = np.exp(-np.mean(np.log(np.array(tokens) / 16)))
    assert metrics["perplexity"].of_baseline == pytest.approx(expected, rel=1e-5)


def test_long_targets_are_judged_by_chrf_and_in_validation_some_are_written(tmp_path: Path, monkeypatch: Any) -> None:
    lines = "".join(f"{n} words here\tand {n} words there\n" for n in range(20))
    found = examples(tmp_path, lines)
    task, model = task_of(found)
    part = found.parts["train"]
    report = task.measure(model, part, tables=False)
    assert report.metrics[0].name == "chrF"
    assert report.evaluation().selection_loss == -report.metrics[0].value
    monkeypatch.setattr("tidegate.tasks.seq2seq.task.AT_MOST", 5)
    written: list[int] = []
    write = task.write
    monkeypatch.setattr(task, "write", lambda m, c, w: (written.append(len(c["source"].lengths)), write(m, c, w))[1])
    assert task.measure(model, part, tables=False).predictions == report.predictions
    assert sum(written) == 5


def test_words_come_back_with_their_spaces(tmp_path: Path) -> None:
    lines = 3 * "this is a text of many words\tc'est un texte de plusieurs mots !\n"
    found = examples(tmp_path, lines)
    assert (found.preprocessing.text("source_level"), found.preprocessing.text("target_level")) == ("words", "words")
    task, _ = task_of(found)
    target = found.parts["train"].columns["target"][0]
    assert task.text_of(Hypothesis(target[:-1].tolist(), 0, True)) == "c'est un texte de plusieurs mots !"
    assert task.text_of(Hypothesis([], 0, True)) == ""


def test_two_files_a_folder_of_them_and_different_counts(tmp_path: Path) -> None:
    for name, text in (
        ("train.en", "a b\nc\n" * 4),
        ("train.fr", "x\ny\n" * 4),
        ("test.en", "a\n"),
        ("test.fr", "x\n"),
    ):
        (tmp_path / name).write_text(text)
    sources = find_sources([tmp_path], workspace=tmp_path / "none")
    found = prepare_examples(TranslateTask, sources, SMALL, tmp_path / "run")
    assert len(found.parts["train"]) + len(found.parts["validation"]) == 8
    assert len(found.parts["test"]) == 1
    (tmp_path / "train.fr").write_text("x\ny\n" * 3)
    with pytest.raises(DataError, match=r"train\.en has 8 lines, but .*train\.fr has 6"):
        prepare_examples(TranslateTask, sources, SMALL, tmp_path / "other")


def test_all_translations_of_a_source_are_in_one_part(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("".join(f"source {n % 200}\ttarget {n}\n" for n in range(1000)))
    found = prepare_examples(TranslateTask, Sources((path,)), SMALL, tmp_path / "run")
    of = {name: set(stored_texts(part, "original")) for name, part in found.parts.items()}
    assert sum(map(len, of.values())) == 200
    assert sum(map(len, found.parts.values())) == 1000
    assert 0.7 < len(of["train"]) / 200 < 0.9
    assert found.split_kind == "random 80/10/10 of the sources"
    other = prepare_examples(TranslateTask, Sources((path,)), SMALL, tmp_path / "other", seed=1)
    assert set(stored_texts(other.parts["test"], "original")) != of["test"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a\tb\nc\n", r"bad\.tsv, line 2: there is no target: give source and target in two columns"),
        ("a\tb\n \tc\n", r"bad\.tsv, line 2: the source is empty"),
        ("a\tb\nc\t \tnote\n", r"bad\.tsv, line 2: the target is empty"),
        ("", r"bad\.tsv holds no example"),
        ("\n\n", r"bad\.tsv holds no example"),
    ],
)
def test_bad_lines_are_named(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        examples(tmp_path, lines, name="bad.tsv")


def test_a_table_without_the_targets_is_named_where_they_are_needed(tmp_path: Path) -> None:
    config = replace(SMALL, source_column="en", target_column="fr")
    with pytest.raises(
        DataError, match=r"a\.jsonl, row 1: there is no target: No column 'fr' was found; there are: 'en'"
    ):
        examples(tmp_path, '{"en": "ab"}\n', config, "a.jsonl")
    task, model = task_of(examples(tmp_path, "en,fr\nab,ba\nba,ab\n", replace(config, min_count=1), "b.csv"), config)
    assert len(list(task.predict_rows(model, task.read(tmp_path / "a.jsonl", config)))) == 1
    (tmp_path / "c.txt").write_text("ab\n\nba\n")
    said = [it for _, it in task.predict_rows(model, task.read(tmp_path / "c.txt", config))]
    assert len(said) == 3
    assert said[1] == {"text": "", "score": None}


def test_dot_attention_needs_one_width() -> None:
    with pytest.raises(ArgumentError, match="twice as wide"):
        replace(SMALL, attention="dot")
    assert replace(SMALL, attention="dot", bidirectional=False).attention == "dot"


@pytest.mark.parametrize(("attention", "both"), [("general", True), ("dot", False), ("none", True)])
def test_it_learns_to_reverse(tmp_path: Path, attention: Any, both: bool) -> None:
    config = replace(SMALL, attention=attention, bidirectional=both, hidden_size=32, embedding_size=16)
    found = examples(tmp_path, reversing(40), config)
    task, model = task_of(found, config)
    best = torch.optim.Adam(model.parameters(), 0.01)
    model.train()
    for epoch in range(70):
        batches = task.batches(0, 1)
        for index in range(len(batches)):
            best.zero_grad()
            task.loss(model, batches.batch(epoch, index), {}, 0.0).mean.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            best.step()
    model.eval()
    report = task.measure(model, found.parts["train"])
    assert report.metrics[0].value > 0.9
    assert report.metrics[0].beaten
