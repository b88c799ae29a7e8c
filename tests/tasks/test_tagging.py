"""The tagging task from files to tags: what is learned, the loss, predictions, and what is refused."""

import json
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.data.buckets import Padded, pad
from tidegate.data.columns import Examples, Preprocessing
from tidegate.data.rows import Row
from tidegate.data.sources import Sources
from tidegate.errors import ArgumentError, DataError, EncodingError, RunFolderError
from tidegate.nn import Recurrent
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.tag.character_encoder import CharacterEncoder
from tidegate.tasks.tag.task import TagConfig, Tagger, TagTask
from tidegate.train import TrainConfig, load_run, new_run, resume, train
from tidegate.train.registry import task_named

TRAIN = """Anna\tB-PER
Smith\tI-PER
lives\tO
in\tO
Rome\tB-LOC

Rome\tB-LOC
calls\tO
Anna\tB-PER
Anna\tB-PER
sleeps\tO

She\tO
lives\tO
"""
SMALL: dict[str, Any] = {
    "hidden_size": 6,
    "embedding_size": 5,
    "character_embedding_size": 4,
    "character_hidden_size": 3,
}


def prepared(folder: Path, content: str, other: str = "", ending: str = "conll", **options: Any) -> Examples:
    config = TagConfig(**{"min_count": 1, **SMALL, **options})
    for name, text in (("train", content), ("dev", other)):
        (folder / f"{name}.{ending}").write_text(text, encoding="utf-8")
    dev = (folder / f"dev.{ending}",) if other else ()
    sources = Sources((folder / f"train.{ending}",), dev, dev)
    shares = (0.8, 0.1, 0.1) if other else (1.0, 0.0, 0.0)
    return prepare_examples(TagTask, sources, config, folder / "run", shares=shares)


def task_on(examples: Examples, **options: Any) -> tuple[TagTask, Tagger]:
    task = TagTask(TagConfig(**{"min_count": 1, **SMALL, **options}), examples.preprocessing, examples, TrainConfig())
    torch.manual_seed(0)
    model = task.new_model()
    assert isinstance(model, Tagger)
    return task, model.eval()


def rows(*sentences: str) -> list[Row]:
    return [Row(f"row {n}", {"tokens": sentence.split()}) for n, sentence in enumerate(sentences)]


def logits(task: TagTask, model: Tagger, given: list[Row]) -> list[torch.Tensor]:
    encoded = [next(iter(task.encode(row, task.config, task.preprocessing, labelled=False))) for row in given]
    columns = {name: pad([it[name] for it in encoded]) for name in encoded[0]}
    with torch.no_grad():
        said = model(columns)
    return [said[n, : len(it["inputs"])] for n, it in enumerate(encoded)]


def test_the_fitted_preprocessing(tmp_path: Path) -> None:
    examples = prepared(tmp_path, TRAIN)
    values = examples.preprocessing.values
    assert (values["input"], values["scheme"], values["common"]) == ("words", "BIO", "O")
    assert values["labels"] == ["B-LOC", "B-PER", "I-PER", "O"]
    assert values["usual"] == {"Anna": "B-PER", "Smith": "I-PER", "Rome": "B-LOC"}
    assert "scheme of the tags: BIO, 5 spans: 'PER' 3, 'LOC' 2" in examples.notes
    part = examples.parts["train"]
    assert [row.tolist() for row in part.rows([1])["tags"]] == [[0, 3, 1, 1, 3]]
    assert [row.tolist() for row in part.rows([1])["spelling"]] == [[4, 5, 4, 4, 6]]
    words = examples.preprocessing.vocabulary("words")
    assert words.decode(part.rows([0])["inputs"][0]) == ["anna", "smith", "lives", "in", "rome"]
    task, _ = task_on(examples)
    assert task.predictions(part).tolist() == [5, 5, 2]
    assert task.prediction_name == "word"
    assert task_named("tag") is TagTask


def test_rare_words_are_unknown_but_their_case_is_spelled(tmp_path: Path) -> None:
    examples = prepared(tmp_path, TRAIN, min_count=2)
    assert "sleeps" not in examples.preprocessing.vocabulary("words")
    spelled = examples.parts["train"].rows([0])["characters"][0]
    assert examples.preprocessing.vocabulary("characters").decode(spelled)[:4] == list("Anna")
    assert "characters" in prepared(tmp_path, TRAIN, lowercase=False).parts["train"].columns
    assert "characters" not in prepared(tmp_path, TRAIN, character_hidden_size=0).parts["train"].columns


def test_the_loss_is_the_sum_over_the_steps_and_not_over_the_padding(tmp_path: Path) -> None:
    task, model = task_on(prepared(tmp_path, TRAIN))
    part = task._training()[0].parts["train"]
    columns = {name: pad(found) for name, found in part.rows([0, 2]).items()}
    with torch.no_grad():
        log = model(columns).log_softmax(-1)
        expected = -sum(
            float(log[n, t, tag])
            for n, tags in enumerate(part.rows([0, 2])["tags"])
            for t, tag in enumerate(tags.tolist())
        )
        assert float(task.summed_loss(model, columns, 0.0)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "options", [{}, {"cell": "gru", "num_layers": 2}, {"online": True}, {"character_hidden_size": 0}]
)
def test_batch_mates_and_padding_change_nothing(tmp_path: Path, options: dict[str, Any]) -> None:
    task, model = task_on(prepared(tmp_path, TRAIN, **options), **options)
    given = rows("Anna lives", "x", "in Rome unbelievably Anna Rome Romes", "a Anna ab b")
    together = logits(task, model, given)
    for row, found in zip(given, together, strict=True):
        torch.testing.assert_close(logits(task, model, [row])[0], found, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("online", [True, False])
def test_online_a_tag_knows_only_what_came_before(tmp_path: Path, online: bool) -> None:
    task, model = task_on(prepared(tmp_path, TRAIN, online=online), online=online)
    first, second = (logits(task, model, rows(f"Anna lives in {last}"))[0] for last in ("Rome", "Smith"))
    assert torch.equal(first[:3], second[:3]) == online
    assert not torch.equal(first[3], second[3])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_spelling_is_each_words_own_run(cell: str) -> None:
    torch.manual_seed(0)
    layer = CharacterEncoder(9, 4, 3, cell=cell)
    words = [[[1, 2, 3], [0], [1, 2]], [[0, 0], [1, 2, 3]]]  # 0 is a character like others: [0] is not [0, 0]
    flat = pad([np.concatenate([*map(np.array, sentence)]) for sentence in words])
    counts = pad([np.array([len(word) for word in sentence]) for sentence in words])
    found = layer(flat, counts)
    assert found.shape == (2, 3, 6)
    for n, sentence in enumerate(words):
        for t, word in enumerate(sentence):
            _, final = layer.recurrent(layer.input(torch.tensor([word])))
            state = final[0] if isinstance(final, tuple) else final
            torch.testing.assert_close(found[n, t], torch.cat([state[0, 0], state[1, 0]]))
    assert not torch.equal(found[0, 1], found[1, 0])
    assert torch.equal(found[0, 0], found[1, 1])


def test_each_word_of_a_batch_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = CharacterEncoder(9, 4, 3, cell="gru")
    seen: list[int] = []
    forward = Recurrent.forward
    monkeypatch.setattr(Recurrent, "forward", lambda self, x, **rest: seen.append(len(x)) or forward(self, x, **rest))
    layer(Padded(torch.ones(5, 6, dtype=torch.int64), torch.full((5,), 6)), pad([np.array([2, 2, 2])] * 5))
    assert seen == [1]


def test_words_nobody_saw_and_nothing_at_all(tmp_path: Path) -> None:
    task, model = task_on(prepared(tmp_path, TRAIN))
    given = [*rows("日本 Anna", ""), Row("line 1", {"text": " in  Rome "})]
    answers = [answer for _, answer in task.predict_rows(model, given)]
    assert [answer["tokens"] for answer in answers] == [["日本", "Anna"], [], ["in", "Rome"]]
    assert [len(answer["tags"]) for answer in answers] == [2, 0, 2]
    assert [answer["tags"] for _, answer in task.predict_rows(model, rows("", ""))] == [[], []]
    assert list(task.predict_rows(model, [])) == []


def test_predictions_name_their_spans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task, model = task_on(prepared(tmp_path, TRAIN))
    said = [["B-PER", "I-PER", "O", "B-LOC"]]
    monkeypatch.setattr(TagTask, "predict", lambda self, model, columns: [{"tags": tags} for tags in said])
    ((row, answer),) = task.predict_rows(model, rows("Anna Smith likes Rome"))
    assert row.where == "row 0"
    assert answer["spans"] == [
        {"type": "PER", "start": 0, "end": 2, "text": "Anna Smith"},
        {"type": "LOC", "start": 3, "end": 4, "text": "Rome"},
    ]
    assert task.text(answer) == "Anna/B-PER Smith/I-PER likes/O Rome/B-LOC"
    assert json.loads(json.dumps(answer)) == answer


def test_a_text_is_cut_as_the_training_data_and_has_positions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = TRAIN + "\nShe\tO\n's\tO\nin\tO\nRome\tB-LOC\n,\tO\nRome\tB-LOC\n's\tO\n.\tO\n"
    examples = prepared(tmp_path, content)
    assert any("cut as these words were: punctuation apart; 's apart (100.0%" in note for note in examples.notes)
    task, model = task_on(examples)
    said: list[list[str]] = [[]]
    answered = lambda *_: [{"tags": said[0], "probabilities": [0.5] * len(said[0])}]  # noqa: E731
    monkeypatch.setattr(TagTask, "predict", answered)
    text = "«Zoë» Smith's  in Rome."  # a mark is a word
    said[0] = ["O", "B-PER", "O", "I-PER", "O", "O", "B-LOC", "O"]
    ((_, answer),) = task.predict_rows(model, [Row("line 1", {"text": text})])
    assert answer["tokens"] == ["«", "Zoë", "»", "Smith", "'s", "in", "Rome", "."]
    assert answer["words"][3] == {"word": "Smith", "start": 6, "end": 11, "tag": "I-PER", "probability": 0.5}
    assert answer["words"][6] == {"word": "Rome", "start": 18, "end": 22, "tag": "B-LOC", "probability": 0.5}
    assert {"start": 18, "end": 22, "label": "LOC", "text": "Rome", "probability": 0.5} in answer["entities"]
    assert all(text[it["start"] : it["end"]] == it["text"] for it in answer["entities"])
    assert all(text[it["start"] : it["end"]] == it["word"] for it in answer["words"])
    curly, straight = (
        next(iter(task.encode(Row("", {"text": it}), task.config, task.preprocessing, labelled=False)))
        for it in ("Rome’s", "Rome's")
    )
    assert {name: row.tolist() for name, row in curly.items()} == {name: row.tolist() for name, row in straight.items()}
    older = {name: value for name, value in examples.preprocessing.values.items() if name != "cutting"}
    task = TagTask(task.config, Preprocessing(older))
    said[0] = ["O"] * 4
    ((_, answer),) = task.predict_rows(model, [Row("line 1", {"text": text})])
    assert answer["tokens"] == ["«Zoë»", "Smith's", "in", "Rome."]  # as when the run was trained
    with pytest.raises(RunFolderError, match="'cutting' should hold lists of texts"):
        Preprocessing(older | {"cutting": {"whole": [1]}}).cutting()


def test_measures_beside_the_usual_tag_of_each_word(tmp_path: Path) -> None:
    dev = "Anna\tB-PER\nSmith\tB-PER\nlives\tO\nBob\tB-PER\n"
    task, model = task_on(prepared(tmp_path, TRAIN, dev))
    report = task.measure(model, task._training()[0].parts["validation"])
    assert report.predictions == 4
    named = {metric.name: metric for metric in report.metrics}
    # Anna, and "Smith" goes on with it: one wrong span; lives and Anna are right, Bob is taken for O.
    assert named["span F1"].of_baseline == 0
    assert named["accuracy"].of_baseline == 0.5
    assert "always 'O': span F1 0.0000, accuracy 0.2500" in report.tables["baselines"]
    with torch.no_grad():
        said = model({n: pad(r) for n, r in task._training()[0].parts["validation"].rows([0]).items()}).argmax(-1)
    labels = task.preprocessing.vocabulary("labels").decode(said[0].tolist())
    assert named["accuracy"].value == np.mean(np.array(labels) == ["B-PER", "B-PER", "O", "B-PER"])


def frames_file(path: Path, labels: Any, frames: Any = None, lengths: Any = (3, 0, 2)) -> Path:
    frames = np.arange(18, dtype=np.float32).reshape(3, 3, 2) if frames is None else frames
    np.savez(path, frames=frames, labels=np.array(labels), lengths=np.array(lengths))
    return path


def test_frames(tmp_path: Path) -> None:
    path = frames_file(tmp_path / "train.npz", [[1, 2, 1], [0, 0, 0], [2, 2, 9]])
    examples = prepare_examples(TagTask, Sources((path,)), TagConfig(**SMALL), tmp_path / "run", shares=(1, 0, 0))
    assert examples.preprocessing.values["labels"] == ["1", "2"]  # past the lengths there is nothing
    assert "1 sequences without a step were left out" in examples.notes
    task, model = task_on(examples)
    report = task.measure(model, examples.parts["train"])
    assert (task.prediction_name, report.predictions, report.metrics[0].baseline) == ("frame", 5, "always '2'")
    answers = [answer for _, answer in task.predict_rows(model, task.read(path, task.config))]
    assert [len(answer["tags"]) for answer in answers] == [3, 0, 2]
    assert answers[0].keys() == {"tags", "probabilities"}
    assert task.text({"tags": ["1", "2"]}) == "1 2"


@pytest.mark.parametrize(
    ("labels", "frames", "message"),
    [
        ([1, 2, 1], None, "series 1: 'labels' should be whole numbers or strings (N, T)"),
        ([[0.5, 1, 2]] * 3, None, "series 1: 'labels' should be whole numbers"),
        ([[1, 2]] * 3, None, "series 1: there are 2 tags for 3 steps"),
        ([[1, 2, 1]] * 3, np.where(np.arange(18) == 14, np.nan, 0.0).reshape(3, 3, 2), "series 3: frame 2 holds nan"),
    ],
)
def test_frames_that_are_refused(tmp_path: Path, labels: Any, frames: Any, message: str) -> None:
    path = frames_file(tmp_path / "a.npz", labels, frames)
    with pytest.raises(DataError, match=re.escape(f"{path}, {message}")):
        prepare_examples(TagTask, Sources((path,)), TagConfig(), tmp_path / "run", shares=(1, 0, 0))


def test_characters(tmp_path: Path) -> None:
    lines = [{"text": "ab\nc", "tags": ["x", "x", "y", "x"]}, {"text": "ba", "tags": ["x", "y"]}]
    examples = prepared(tmp_path, "\n".join(map(json.dumps, lines)), ending="jsonl")
    assert examples.preprocessing.values["characters"] == ["<unk>", "a", "b", "\n", "c"]
    task, model = task_on(examples)
    assert (task.prediction_name, model.spelling) == ("character", None)
    answers = [answer for _, answer in task.predict_rows(model, [Row("a", {"text": "a\nz"})])]
    assert answers[0]["tokens"] == ["a", "\n", "z"]
    assert task.text({"tokens": list("ab\nc"), "tags": ["x", "x", "y", "y"]}) == "ab/x \\nc/y"
    words = [Row("a, line 1", {"tokens": ["ab"]})]
    with pytest.raises(DataError, match="a, line 1, step 1: 'ab' is a word, but the model reads single characters"):
        list(task.predict_rows(model, words))


REFUSED = {
    "a label that training lacks": (TRAIN, "Anna\tB-PER\nRome\tB-ORG\n", "dev.conll, line 2: the tag 'B-ORG' does not"),
    "another scheme in validation": (TRAIN, "She\tO\nAnna\tI-PER\n", "dev.conll, line 2: 'I-PER' follows no"),
    "mixed schemes": (TRAIN + "\nBob\tI-PER\n", "", "train.conll, line 16: 'I-PER' follows no 'B-PER'"),
    "a missing column": (TRAIN + "\nBob\n", "", "train.conll, line 16: the line has 1 column"),
    "no tags": ("a\nb\n", "", "train.conll, line 1: there are no tags"),
    "one tag": ("a O\nb O\n", "", "only the tag 'O'"),
    "an empty file": ("", "", "train.conll holds no example"),
    "an empty validation file": (TRAIN, "\n", "dev.conll holds no example"),
    "a word of 1 MB": (TRAIN, f"a\tO\n{'b' * 2**20}\tO\n", "dev.conll, line 2: a word of 1,048,576 characters"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_tags_raise_with_file_and_line(tmp_path: Path, case: str) -> None:
    content, other, message = REFUSED[case]
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        prepared(tmp_path, content, other)
    assert len(str(caught.value)) < 2000


def test_latin_1_and_lists_of_different_lengths(tmp_path: Path) -> None:
    path = tmp_path / "a.conll"
    path.write_bytes("a O\ncafé O\n".encode("latin-1"))
    with pytest.raises(EncodingError, match=r"a\.conll, line 2"):
        prepare_examples(TagTask, Sources((path,)), TagConfig(), tmp_path / "run")
    lines = '{"tokens": ["a", "b"], "tags": ["X", "Y"]}\n{"tokens": ["a", "b"], "tags": ["X"]}\n'
    with pytest.raises(DataError, match=r"train\.jsonl, row 2: there are 1 tags for 2 steps"):
        prepared(tmp_path, lines, ending="jsonl")
    lines = '{"tokens": ["a", "b"], "tags": ["X", "Y"]}\n{"tokens": "ab", "tags": ["X", "Y"]}\n'
    with pytest.raises(DataError):  # a column holds lists or texts, not both
        prepared(tmp_path, lines, ending="jsonl")


def test_labels_that_training_lacks_can_be_counted_as_mistakes(tmp_path: Path) -> None:
    content, other = "a\tX\nb\tY\na\tX\n", "a\tX\nc\tZ\n"
    with pytest.raises(DataError, match=r"dev\.conll, line 2: the tag 'Z' .* --unseen wrong"):
        prepared(tmp_path, content, other)
    examples = prepared(tmp_path, content, other, unseen="wrong")
    TagTask.check_data(examples, TagConfig(unseen="wrong"))
    with pytest.raises(RunFolderError, match="'tags' holds numbers from -1"):
        TagTask.check_data(examples, TagConfig())
    task, model = task_on(examples, unseen="wrong")
    baselines, notes = task.baselines()
    assert baselines == pytest.approx({"uniform": np.log(2), "tag shares": -np.log(2 / 3)})
    assert notes == ["tags of the validation part that training lacks: 1"]
    report = task.measure(model, examples.parts["validation"])
    assert report.metrics[0].value <= 0.5
    assert np.isfinite(report.loss)


def test_labels_all_of_which_training_lacks_leave_nothing_to_compare(tmp_path: Path) -> None:
    examples = prepared(tmp_path, "a\tX\nb\tY\n", "a\tZ\nc\tZ\n", unseen="wrong")
    task, model = task_on(examples, unseen="wrong")
    assert task.baselines()[0] == pytest.approx({"uniform": np.log(2)})
    report = task.measure(model, examples.parts["validation"])
    assert report.metrics[0].value == 0
    assert np.isfinite(report.loss)
    assert report.tables["confusion (rows: the true label)"]


def test_sequences_are_not_kept_while_spans_are_counted(tmp_path: Path) -> None:
    config = TagConfig(**SMALL)
    words = ["w"] * 50

    def peak(count: int) -> int:
        draw = np.random.default_rng(0)
        tracemalloc.start()
        rows = (
            Row(f"row {n}", {"tokens": words, "tags": ["O", *draw.choice(["O", "B-X", "B-Y"], 49).tolist()]})
            for n in range(count)
        )
        TagTask.fit(rows, config)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(2)  # what is imported
    assert peak(400) < peak(20) + 50_000


def test_a_given_scheme_counts_as_it_counts(tmp_path: Path) -> None:
    examples = prepared(tmp_path, "a\tI-X\nb\tO\nc\tB-X\n", "a\tO\nb\tI-X\n", scheme="BIO")
    assert examples.preprocessing.text("scheme") == "BIO"
    with pytest.raises(DataError, match="mark no span in BIOES"):
        prepared(tmp_path, "a\tI-X\nb\tO\n", scheme="BIOES")


@pytest.mark.parametrize("characters", [3, 0])
def test_there_is_a_line_of_tags_for_each_line_of_text(tmp_path: Path, characters: int) -> None:
    task, model = task_on(prepared(tmp_path, TRAIN, character_hidden_size=characters), character_hidden_size=characters)
    path = tmp_path / "a.txt"
    for text, steps in (("\nAnna calls\n  \nRome\n\n", [0, 2, 0, 1, 0]), ("\n\n", [0, 0])):
        path.write_text(text)
        said = [it for _, it in task.predict_rows(model.eval(), TagTask.read(path, task.config))]
        assert [len(it["tags"]) for it in said] == steps
        assert [task.text(it) == "" for it in said] == [not n for n in steps]


def test_word_vectors_start_the_words_and_bring_others(tmp_path: Path) -> None:
    vectors = tmp_path / "v.txt"
    vectors.write_text("rome 1 2 3 4 5\nParis 5 4 3 2 1\nparis 0 0 0 0 0\nBonn 1 1 1 1 1\n")
    (tmp_path / "a.conll").write_text(TRAIN)
    config, sources = TagConfig(**SMALL, min_count=1), Sources((tmp_path / "a.conll",))
    examples = prepare_examples(
        TagTask, sources, config, tmp_path / "run", shares=(1, 0, 0), vectors=vectors, vector_words=1
    )
    _, model = task_on(examples)
    words, table = examples.preprocessing.vocabulary("words"), model.state_dict()["input.embedding.weight"]
    assert table[words.number("rome")].tolist() == [1, 2, 3, 4, 5]
    assert table[words.number("paris")].tolist() == [5, 4, 3, 2, 1]  # which no text of the training part has
    assert words.number("bonn") == words.unknown
    assert any("word vectors: 1 of 9 words found" in note and "1 further ones" in note for note in examples.notes)
    TagTask.check_data(examples, config)


def test_frozen_vectors_stay_and_a_run_with_them_resumes(tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text("rome 1 2 3 4 5\nparis 5 4 3 2 1\n")
    (tmp_path / "a.conll").write_text(TRAIN)
    config = TagConfig(**SMALL, min_count=1, freeze_vectors=True)
    settings = {"batch_size": 3, "learning_rate": 0.03, "warmup_steps": 1}
    options = TagTask.DataConfig(vectors=tmp_path / "v.txt", splits="none")

    def prepare(to: Path) -> Examples:
        return TagTask.prepare([str(tmp_path / "a.conll")], config, options, to)

    for name, steps in (("whole", 6), ("short", 3)):
        data = new_run(tmp_path / name, prepare, task="tag")
        train(tmp_path / name, data, config, TrainConfig(steps=steps, **settings), task="tag")
    with pytest.raises(ArgumentError, match="freeze_vectors is given without vectors"):
        TagTask.prepare([str(tmp_path / "a.conll")], config, TagTask.DataConfig(), tmp_path / "other")
    resume(tmp_path / "short", steps=6)
    whole, short = load_run(tmp_path / "whole"), load_run(tmp_path / "short")
    weight = whole.model.state_dict()["input.embedding.weight"]
    assert weight[whole.vocabulary.vocabulary("words").number("rome")].tolist() == [1, 2, 3, 4, 5]
    assert torch.equal(weight, short.model.state_dict()["input.embedding.weight"])


def test_it_learns_and_resumes_to_the_same_bits(tmp_path: Path) -> None:
    """A tag that depends on the word after it: only a bidirectional tagger can know it."""
    draw = np.random.default_rng(0)
    sentences = [draw.choice(["a", "b"], draw.integers(2, 6)).tolist() for _ in range(60)]
    text = "\n".join(
        "".join(f"{word}\t{after.upper()}\n" for word, after in zip(it, [*it[1:], "z"], strict=True))
        for it in sentences
    )
    (tmp_path / "train.conll").write_text(text)
    config = TagConfig(**(SMALL | {"hidden_size": 16, "dropout": 0.1}))
    settings = {"batch_size": 6, "learning_rate": 0.03, "warmup_steps": 5, "validate_every": 40}
    source = Sources((tmp_path / "train.conll",), (tmp_path / "train.conll",))

    def stop(model: Any) -> str:
        raise KeyError

    for name, sample in (("whole", None), ("stopped", stop)):
        folder = tmp_path / name
        data = new_run(folder, lambda to: prepare_examples(TagTask, source, config, to), task="tag")
        try:
            train(folder, data, config, TrainConfig(steps=80, **settings), task="tag", sample=sample)
        except KeyError:
            resume(folder)
    whole, stopped = (load_run(tmp_path / name) for name in ("whole", "stopped"))
    for one, other in zip(whole.model.state_dict().values(), stopped.model.state_dict().values(), strict=True):
        assert torch.equal(one, other)
    task = TagTask(whole.config.model, whole.vocabulary)
    said = [answer["tags"] for _, answer in task.predict_rows(whole.model, rows("a b b a", "b"))]
    assert said == [["B", "B", "A", "Z"], ["Z"]]
