"""Classification: what is read, learned, measured and said."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import f1_score

from tidegate.data.columns import Examples, open_examples
from tidegate.data.rows import Row
from tidegate.data.sources import Sources, find_sources
from tidegate.errors import ArgumentError, DataError, EncodingError, MissingDependencyError, RunFolderError
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask, split_words
from tidegate.tasks.encode_examples import encoded, prepare_examples

TEXTS = [("good movie", "pos"), ("bad movie", "neg"), ("a very good film", "pos"), ("a very bad film", "neg")]
SMALL = ClassifyConfig(hidden_size=5, embedding_size=4, min_count=1)


def fasttext(path: Path, texts: list[tuple[str, str]] = TEXTS) -> Path:
    path.write_text("".join(f"__label__{label} {text}\n" for text, label in texts), encoding="utf-8")
    return path


def csv(path: Path, texts: list[tuple[str, str]] = TEXTS) -> Path:
    path.write_text("label,sentence\n" + "".join(f'{label},"{text}"\n' for text, label in texts), encoding="utf-8")
    return path


def jsonl(path: Path, texts: list[tuple[str, str]] = TEXTS) -> Path:
    lines = (json.dumps({"text": text, "label": label}) + "\n" for text, label in texts)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def class_folders(path: Path, texts: list[tuple[str, str]] = TEXTS) -> Path:
    for n, (text, label) in enumerate(texts):
        (path / label).mkdir(parents=True, exist_ok=True)
        (path / label / f"{n}.txt").write_text(text, encoding="utf-8")
    return path


def class_files(path: Path, texts: list[tuple[str, str]] = TEXTS) -> Path:
    path.mkdir(exist_ok=True)
    for label in {label for _, label in texts}:
        lines = (text + "\n" for text, other in texts if other == label)
        (path / f"{label}.txt").write_text("".join(lines), encoding="utf-8")
    return path


def prepared(tmp_path: Path, train: Path, validation: Path | None = None, config: Any = SMALL) -> Examples:
    sources = Sources((train,), () if validation is None else (validation,))
    return prepare_examples(ClassifyTask, sources, config, tmp_path / "run", shares=(1.0, 0.0, 0.0))


FORMS: dict[str, Callable[[Path], Path]] = {
    "fasttext.txt": fasttext,
    "table.csv": csv,
    "table.jsonl": jsonl,
    "folders": class_folders,
    "files": class_files,
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_data_gives_the_same_examples(tmp_path: Path, form: str) -> None:
    examples = prepared(tmp_path, FORMS[form](tmp_path / form))
    words, labels = examples.preprocessing.vocabulary("words"), examples.preprocessing.vocabulary("labels")
    part = examples.parts["train"]
    rows = part.rows(range(len(part)))
    found = [
        (" ".join(words.decode(text.tolist())), labels[int(label[0])])
        for text, label in zip(rows["inputs"], rows["label"], strict=True)
    ]
    assert sorted(found) == sorted(TEXTS)


def test_columns_are_found_or_given(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,opinion,what\n1,good movie,pos\n2,bad movie,neg\n")
    with pytest.raises(DataError, match="which column is the text"):
        prepared(tmp_path, path)
    config = ClassifyConfig(text_column="opinion", label_column="what", min_count=1)
    assert prepared(tmp_path, path, config=config).preprocessing.vocabulary("labels").entries == ["neg", "pos"]
    with pytest.raises(DataError, match="no column 'nope'; there are: 'id', 'opinion', 'what'"):
        prepared(tmp_path, path, config=ClassifyConfig(text_column="nope", label_column="what"))


def test_steps_are_words_or_characters_as_suits_the_texts(tmp_path: Path) -> None:
    assert prepared(tmp_path, fasttext(tmp_path / "a.txt")).preprocessing.text("input") == "words"  # 3 words each
    shorter = [(text.split()[-1], label) for text, label in TEXTS]
    assert prepared(tmp_path, fasttext(tmp_path / "a.txt", shorter)).preprocessing.text("input") == "characters"
    assert split_words("Don't stop: it's 5!", True) == ["don't", "stop", ":", "it's", "5", "!"]


def test_tokenised_texts_are_found_out_and_others_cut_the_same(tmp_path: Path) -> None:
    texts = [("It 's fun , and it does n't bore .", "pos"), ("It 's long , and it does n't end .", "neg")]
    examples = prepared(tmp_path, fasttext(tmp_path / "a.txt", texts))
    assert any("as these words were: punctuation apart; 's n't apart (100.0%" in note for note in examples.notes)
    words = examples.preprocessing.vocabulary("words")
    assert {"it", "'s", "does", "n't", ",", "."} < set(words.entries)
    (row,) = ClassifyTask.encode(
        Row("", {"text": "It's fun, it doesn't end."}), SMALL, examples.preprocessing, labelled=False
    )
    assert words.decode(row["inputs"]) == ["it", "'s", "fun", ",", "it", "does", "n't", "end", "."]
    written = [("It's fun, and doesn't bore.", "pos"), ("It's long, and doesn't end.", "neg")]
    (tmp_path / "other").mkdir()
    examples = prepared(tmp_path / "other", fasttext(tmp_path / "b.txt", written))
    assert "cutting" not in examples.preprocessing.values
    assert {"it's", "doesn't", ",", "."} < set(examples.preprocessing.vocabulary("words").entries)


def test_bad_files_raise_with_file_and_line(tmp_path: Path) -> None:
    path, other = tmp_path / "a.txt", tmp_path / "b.txt"
    fasttext(path)
    for text, said in {
        "__label__a x\nno class\n": r"b\.txt, line 2: the line does not begin with __label__",
        "__label__a __label__b x\n": r"b\.txt, line 1: the line has several classes",
        "__label__new x\n": r"b\.txt, line 1: the class 'new' does not occur in the training part, which has: 'neg'",
        "": r"b\.txt holds no example",
    }.items():
        other.write_text(text)
        with pytest.raises(DataError, match=said):
            prepared(tmp_path, path, other)
        assert not (tmp_path / "run" / "examples.json").exists()
    other.write_bytes(b"__label__pos fine\n__label__pos caf\xe9\n")
    with pytest.raises(EncodingError, match=r"b\.txt, line 2: byte 0xE9"):
        prepared(tmp_path, path, other)


def test_one_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="only the class 'pos'"):
        prepared(tmp_path, fasttext(tmp_path / "a.txt", [("x", "pos")] * 3))


def test_windows_line_ends_a_mark_and_a_long_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    long = "word " * 200_000
    path.write_bytes(f"\ufeff__label__a {long}\r\n__label__b y\r\n".encode())
    examples = prepared(tmp_path, path)
    assert examples.preprocessing.vocabulary("labels").entries == ["a", "b"]
    assert sorted(examples.parts["train"].columns["inputs"].lengths.tolist()) == [1, 200_000]


def frames(path: Path, **changes: Any) -> Path:
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        "frames": draw.normal(3, 2, (12, 5, 4)),
        "labels": np.arange(12) % 3,
        "lengths": np.arange(12) % 6,
    }
    np.savez(path, **{name: value for name, value in (arrays | changes).items() if value is not None})
    return path


def test_frames_have_their_lengths_and_are_normalised(tmp_path: Path) -> None:
    examples = prepared(tmp_path, frames(tmp_path / "a.npz"))
    assert examples.parts["train"].columns["inputs"].lengths.tolist() == [n % 6 for n in range(12)]
    with np.load(tmp_path / "a.npz") as file:
        valid = np.concatenate([file["frames"][n, : n % 6] for n in range(12)])
    assert np.allclose(examples.preprocessing.numbers("mean"), valid.mean(0), atol=1e-5)
    assert np.allclose(examples.preprocessing.numbers("deviation"), valid.std(0), atol=1e-5)


def test_single_frames_are_series_of_one_step(tmp_path: Path) -> None:
    one = frames(tmp_path / "a.npz", frames=np.random.default_rng(0).normal(size=(12, 4)), lengths=None)
    assert set(prepared(tmp_path, one).parts["train"].columns["inputs"].lengths.tolist()) == {1}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"frames": np.full((12, 5, 4), np.nan)}, r"a\.npz, series 2: frame 1 holds nan or inf"),
        ({"frames": None}, r"a\.npz: there is no array 'frames'"),
        ({"labels": np.arange(11)}, "12 series of frames, but 11 in 'labels'"),
        ({"lengths": np.full(12, 6)}, "whole numbers from 0 to 5, but goes from 6 to 6"),
        ({"lengths": np.full((12, 1), 3)}, r"'lengths' should be 12 whole numbers \(N,\), but is int64 of \(12, 1\)"),
        ({"lengths": np.array(3)}, "'lengths' should have 12 entries, one a series, but is a single value"),
        ({"labels": np.array(3)}, "'labels' should have 12 entries, one a series, but is a single value"),
        ({"frames": np.zeros((12, 5, 4, 1))}, r"should be numbers \(N, T, F\)"),
        ({"labels": np.array([{}] * 12, object)}, "not a complete .npz file of plain arrays"),
    ],
    ids=str,
)
def test_bad_frames_raise(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        prepared(tmp_path, frames(tmp_path / "a.npz", **changes))


@pytest.mark.parametrize("part", ["train", "validation"])
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("b.txt", "fine\n", r"b\.txt, line 1: there is no class. Begin each line with __label__CLASS"),
        (
            "b.jsonl",
            '{"text": "fine"}\n',
            r"b\.jsonl, row 1: there is no class\. .*No column of classes was found; there are: 't",
        ),
        (
            "b.jsonl",
            '{"text": "fine", "label": " "}\n',
            r"b\.jsonl, row 1: there is no class\. .*Column 'label' is empty there",
        ),
        ("b.npz", {"labels": None}, r"b\.npz, series 1: there is no class\. .*in the array 'labels'"),
        (
            "b.npz",
            {"labels": np.zeros((12, 5))},
            r"b\.npz, series 1: 'labels' should be \(N,\), one class .* has \(0,\)",
        ),
    ],
)
def test_rows_without_a_class_are_named_where_one_is_needed(
    tmp_path: Path, part: str, name: str, content: Any, said: str
) -> None:
    """All of a file's, or those of one file among others; to be classified they need none."""
    path = tmp_path / name
    if isinstance(content, str):
        path.write_text(content)
        good = fasttext(tmp_path / "a.txt")
    else:
        frames(path, **content)
        good = frames(tmp_path / "a.npz")
    train, validation = ((good, path), ()) if part == "train" else ((good,), (path,))
    with pytest.raises(DataError, match=said):
        prepare_examples(ClassifyTask, Sources(train, validation), SMALL, tmp_path / "run", shares=(1.0, 0.0, 0.0))
    preprocessing = prepared(tmp_path, good).preprocessing
    for row in ClassifyTask.read(path, SMALL):
        assert [list(it) for it in ClassifyTask.encode(row, SMALL, preprocessing, labelled=False)] == [["inputs"]]


@pytest.mark.parametrize("label", [None, "what"])
def test_a_table_to_be_classified_may_lack_the_classes(tmp_path: Path, label: str | None) -> None:
    """Its only column is the text, as it was in training where it was the only one beside the classes."""
    path = tmp_path / "a.csv"
    path.write_text(f"opinion,{label or 'class'}\ngood movie,pos\nbad movie,neg\n")
    config = ClassifyConfig(label_column=label, min_count=1, level="words")
    preprocessing = prepared(tmp_path, path, config=config).preprocessing
    path = tmp_path / "b.jsonl"
    path.write_text('{"opinion": "good movie"}\n')
    (row,) = ClassifyTask.read(path, config)
    ((inputs,),) = (it.values() for it in ClassifyTask.encode(row, config, preprocessing, labelled=False))
    assert preprocessing.vocabulary("words").decode(inputs.tolist()) == ["good", "movie"]
    with pytest.raises(
        DataError,
        match=rf"b\.jsonl, row 1: .* No column {repr(label) if label else 'of classes'} was found; there are: 'o",
    ):
        list(ClassifyTask.encode(row, config, preprocessing))


def test_there_is_a_prediction_for_each_line(tmp_path: Path) -> None:
    preprocessing = prepared(tmp_path, fasttext(tmp_path / "a.txt")).preprocessing
    task, path = ClassifyTask(SMALL, preprocessing), tmp_path / "b.txt"
    for text, count in (("\n\ngood\n  \nbad\n\n", 6), ("\n\n", 2)):
        path.write_text(text)
        said = list(task.predict_rows(task.new_model().eval(), ClassifyTask.read(path, SMALL)))
        assert [row.where for row, _ in said] == [f"{path}, line {n + 1}" for n in range(count)]
    path.write_text(
        "\n__label__pos x\n\n__label__neg y\n"
    )  # an empty line has no class and is no example to learn from
    assert [row.values.get("label") for row in ClassifyTask.read(path, SMALL)] == [None, "pos", None, "neg"]
    assert [row.blank for row in ClassifyTask.read(path, SMALL)] == [True, False, True, False]
    assert len(encoded(task, [path], tmp_path).columns["label"]) == 2


def test_labels_of_bytes_are_strings(tmp_path: Path) -> None:
    given = np.array([("up", "größer", "tief")[n % 3].encode() for n in range(12)])
    found = prepared(tmp_path, frames(tmp_path / "a.npz", labels=given))
    assert found.preprocessing.vocabulary("labels").entries == ["größer", "tief", "up"]
    with pytest.raises(DataError, match=r"a\.npz: 'labels' has bytes that are not UTF-8"):
        prepared(tmp_path, frames(tmp_path / "a.npz", labels=np.array(["é".encode("latin-1")] * 12)))


@pytest.mark.parametrize("cell", ["lstm", "gru", "min_gru"])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_batch_mates_change_no_prediction(tmp_path: Path, cell: str, pooling: Any, bidirectional: bool) -> None:
    config = ClassifyConfig(
        cell=cell,
        hidden_size=6,
        embedding_size=4,
        min_count=1,
        pooling=pooling,
        bidirectional=bidirectional,
        num_layers=2,
    )
    examples = prepared(tmp_path, fasttext(tmp_path / "a.txt"), config=config)
    task = ClassifyTask(config, examples.preprocessing)
    torch.manual_seed(0)
    model = task.new_model().eval()
    texts = ["a", "a very very very bad film", "", "good", "zzz", "x" * 50]
    rows = [Row(str(n), {"text": text}) for n, text in enumerate(texts)]
    together = [said for _, said in task.predict_rows(model, rows)]
    alone = [said for row in rows for _, said in task.predict_rows(model, [row])]
    for a, b in zip(together, alone, strict=True):
        assert a["probabilities"] == pytest.approx(b["probabilities"], rel=1e-5)
    assert len({round(said["probabilities"]["pos"], 6) for said in together}) > 3  # they are not all the same


def test_the_report_is_scikit_learns(tmp_path: Path) -> None:
    task = ClassifyTask(SMALL, prepared(tmp_path, frames(tmp_path / "a.npz")).preprocessing)
    true, said = [0, 0, 0, 1, 2, 2], [0, 1, 0, 1, 1, 2]
    report = task.report(0.5, true, said, tables=True)
    accuracy, f1 = report.metrics
    assert accuracy.value == pytest.approx(4 / 6)
    assert accuracy.of_baseline == pytest.approx(0.5)
    assert f1.value == pytest.approx(f1_score(true, said, average="macro"))
    assert report.evaluation().selection_loss == pytest.approx(-4 / 6)
    assert "3      " not in report.tables["classes"]
    assert report.tables["confusion (rows: the true class)"].splitlines()[1].split() == ["0", "2", "1", "·"]


def test_word_vectors_start_the_embedding(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("2 4\nGOOD 1 2 3 4\ngood 5 6 7 8\nfilm 9 9 9 9\n")
    config = ClassifyConfig(level="words", min_count=1, embedding_size=4, hidden_size=3)
    sources = Sources((fasttext(tmp_path / "a.txt"),))
    examples = prepare_examples(
        ClassifyTask, sources, config, tmp_path / "run", shares=(1.0, 0.0, 0.0), vectors=vectors
    )
    assert any("2 of 7 words found" in note for note in examples.notes)
    words = examples.preprocessing.vocabulary("words")
    task = ClassifyTask.create(examples, config, TrainSettings(), 1)
    weight = task.vectors(task.new_model())  # type: ignore[arg-type]
    assert weight is not None
    assert weight[words.number("good")].tolist() == [5, 6, 7, 8]
    assert weight[words.number("film")].tolist() == [9, 9, 9, 9]
    assert weight[words.number("bad")].abs().max() < 1
    vectors.write_text("good 1 2 3\n")
    with pytest.raises(
        DataError, match=r"vectors\.txt, line 1: 'good' is followed by 3 numbers, but the embedding has 4"
    ):
        prepare_examples(ClassifyTask, sources, config, tmp_path / "run", shares=(1.0, 0.0, 0.0), vectors=vectors)


class TrainSettings:
    random_windows = False
    batch_size, k1, k2, feeding, validation_tokens, seed, backend = 4, 1, None, "teacher", None, 0, None


def test_examples_are_checked_when_they_are_opened(tmp_path: Path) -> None:
    prepared(tmp_path, fasttext(tmp_path / "a.txt"))
    path = tmp_path / "run" / "examples.json"
    record = json.loads(path.read_text())
    for change, said in (
        ({"columns": {"train": ["../x"]}}, "names of columns"),
        ({"counts": {"train": 3}}, "do not all have 3 rows"),
        ({"facts": []}, "'facts'"),
        ({"version": 9}, "'version'"),
    ):
        path.write_text(json.dumps(record | change))
        with pytest.raises(RunFolderError, match=said):
            open_examples(tmp_path / "run")
    path.write_text(json.dumps(record))
    examples = open_examples(tmp_path / "run")
    examples.verify()
    array = np.load(tmp_path / "run" / "examples" / "train.label.values.npy")
    np.save(tmp_path / "run" / "examples" / "train.label.values.npy", 1 - array)
    with pytest.raises(DataError, match="have changed"):
        examples.verify()


def test_a_folder_with_named_parts_is_taken_apart(tmp_path: Path) -> None:
    for name in ("train.csv", "dev.csv", "test.csv"):
        csv(tmp_path / name)
    found = find_sources([tmp_path], workspace=tmp_path)
    assert [[path.name for path in part] for part in (found.train, found.validation, found.test)] == [
        ["train.csv"],
        ["dev.csv"],
        ["test.csv"],
    ]
    with pytest.raises(DataError, match="its own validation part"):
        find_sources([tmp_path], [tmp_path / "dev.csv"], workspace=tmp_path)
    with pytest.raises(DataError, match="no sample 'nope'"):
        find_sources(["sample:nope"], workspace=tmp_path)
    with pytest.raises(DataError, match="nowhere does not exist"):
        find_sources(["nowhere"], workspace=tmp_path)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pooling": "median"}, "pooling is 'median'"),
        ({"dropout": 1.0}, "dropout is 1.0, but must be at least 0 and below 1"),
        ({"hidden_size": 0}, "hidden_size is 0, but must be at least 1"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ArgumentError, match=said):
        ClassifyConfig(**changes)


@pytest.mark.parametrize("seed", range(5))
def test_every_label_is_learned_from_wherever_the_draw_puts_its_rows(tmp_path: Path, seed: int) -> None:
    texts = [(f"x{n}", "common") for n in range(40)] + [(f"y{n}", f"rare {n}") for n in range(20)]
    sources = Sources((jsonl(tmp_path / "a.jsonl", texts),))
    examples = prepare_examples(ClassifyTask, sources, SMALL, tmp_path / "run", shares=(0.5, 0.25, 0.25), seed=seed)
    assert len(examples.preprocessing.vocabulary("labels")) == 21
    assert all(len(examples.parts[part]) > 3 for part in ("validation", "test"))


def test_a_missing_package_raises_before_anything_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(ClassifyTask, "PACKAGES", ("sklearn", "no_such_package"))
    with pytest.raises(MissingDependencyError, match=r"classify needs no_such_package\. It is not installed: pip"):
        prepared(tmp_path, tmp_path / "nowhere")


def test_files_beside_folders_of_classes_are_left_alone_and_named(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for label in ("like", "dislike"):
            (tmp_path / part / label / "deeper").mkdir(parents=True)
            for k in range(4):
                (tmp_path / part / label / "deeper" / f"{k}.txt").write_text(f"{label} it")
        (tmp_path / part / "addresses.txt").write_text("http://films.example/1\n" * 10)
        (tmp_path / part / "counts.feat").write_bytes(b"\xff\xfe")
    (tmp_path / "README.md").write_text("About the films.\n")
    (tmp_path / "run").mkdir()
    sources = find_sources([str(tmp_path)], workspace=tmp_path)
    found = prepare_examples(ClassifyTask, sources, SMALL, tmp_path / "run")
    assert found.preprocessing.vocabulary("labels").entries == ["dislike", "like"]
    said = "\n".join(found.notes)
    for part in ("train", "test"):
        beside = f"classes in {tmp_path / part}: 'addresses.txt', 'counts.feat'"
        assert f"left alone beside the folders of {beside}" in said
    assert f"left alone beside the parts in {tmp_path}: 'README.md', 'run'" in said


def test_a_file_for_each_class_has_a_name_of_its_own(tmp_path: Path) -> None:
    for name in ("like.txt", "dislike.txt"):
        (tmp_path / name).write_text("it\n")
    assert {row.values["label"] for row in ClassifyTask.read(tmp_path, SMALL)} == {"like", "dislike"}
    assert ClassifyTask.remarks(tmp_path, SMALL) == []
    (tmp_path / "like.feat").write_text("1 0:2\n")
    with pytest.raises(DataError, match=r"two have the same name: dislike\.txt, like\.feat, like\.txt"):
        list(ClassifyTask.read(tmp_path, SMALL))


@pytest.mark.parametrize("names", [("सीमा", "राधा", "मोहन"), ("சீதா", "ராமன்", "மீனா"), ("Anna", "Otto", "Mia")])
def test_names_of_one_word_are_read_by_characters_in_every_script(names: tuple[str, ...]) -> None:
    rows = [Row("row", {"text": name, "label": "fm"[n % 2]}) for n, name in enumerate(names * 4)]
    preprocessing, notes = ClassifyTask.fit(rows, SMALL)
    assert preprocessing.text("input") == "characters"
    assert any(it.startswith("steps are characters") for it in notes)
