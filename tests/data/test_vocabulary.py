"""Names that the library uses itself may occur in the data too."""

from pathlib import Path
from typing import Any

import pytest

from tidegate.data.columns import Preprocessing
from tidegate.data.rows import Row
from tidegate.data.vocabulary import UNKNOWN, Vocabulary
from tidegate.errors import RunFolderError, UnknownTokenError
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.seq2seq.translate import TranslateConfig, TranslateTask
from tidegate.tasks.tag.task import TagConfig, TagTask

NAMES = ["<unk>", "<UNK>", "<pad>", "<bos>", "<eos>", "<end>", "<s>", "[MASK]", "\ufffd"]


def stored(preprocessing: Preprocessing) -> Preprocessing:
    """As it is after it was written and read."""
    return Preprocessing(dict(preprocessing.values))


@pytest.mark.parametrize("name", NAMES)
def test_a_class_of_such_a_name_is_a_class(name: str) -> None:
    rows = [Row(f"row {n}", {"text": "x y z w", "label": (name, "a")[n % 2]}) for n in range(8)]
    found = stored(ClassifyTask.fit(rows, ClassifyConfig())[0])
    labels = found.vocabulary("labels")
    assert sorted(labels.entries) == sorted([name, "a"])
    assert labels.decode(labels.encode([name, "a"]).tolist()) == [name, "a"]
    with pytest.raises(UnknownTokenError, match="'b' does not occur"):
        labels.number("b")


@pytest.mark.parametrize("name", NAMES)
def test_a_word_and_a_tag_of_such_a_name_are_known(name: str) -> None:
    config = TagConfig(lowercase=False)
    rows = [Row("row", {"tokens": [name, "a", name, "a"], "tags": [name, "X", name, "X"]})] * 2
    found = stored(TagTask.fit(rows, config)[0])
    words, labels = found.vocabulary("words"), found.vocabulary("labels")
    assert words.unknown == words.number("never seen") == 0
    assert words.number(name) not in (0, words.number("a"))
    assert words.decode([words.number(name)]) == [name]
    assert labels.decode([labels.number(name)]) == [name]
    with pytest.raises(UnknownTokenError):
        labels.number("Y")


@pytest.mark.parametrize("level", ["words", "characters"])
@pytest.mark.parametrize("name", NAMES)
def test_a_text_with_such_a_name_is_written_as_it_is(name: str, level: Any) -> None:
    config = TranslateConfig(source_level=level, target_level=level, min_count=1)
    rows = [Row("row", {"source": f"{name} a", "target": f"b {name} {name}"})]
    found = stored(TranslateTask.fit(rows, config)[0])
    ((example),) = TranslateTask.encode(rows[0], config, found)
    target, end = example["target"].tolist(), found.vocabulary("target").number("<end>")
    assert 0 not in target
    assert target.index(end) == len(target) - 1
    assert TranslateTask(config, found).config is config
    assert "".join(found.vocabulary("target").decode(target[:-1])).strip() == f"b {name} {name}"


def test_a_vocabulary_knows_its_unknown_entry_by_its_place() -> None:
    made = Vocabulary.of({UNKNOWN: 3, "a": 2, "rare": 1}, min_count=2)
    assert made.entries == [UNKNOWN, UNKNOWN, "a"]
    assert made.encode([UNKNOWN, "a", "rare"]).tolist() == [1, 2, 0]
    assert Vocabulary.of({UNKNOWN: 1, "a": 2}, min_count=2).number(UNKNOWN) == 0
    assert Vocabulary.of_labels([UNKNOWN, "b", "a", "zz"]).entries == ["a", "b", "zz", UNKNOWN]
    assert Vocabulary(["a", UNKNOWN]).unknown is None


@pytest.mark.parametrize("entries", [["a", "a"], [UNKNOWN, "a", "a"], [UNKNOWN, UNKNOWN, UNKNOWN], ["a", 1]])
def test_altered_vocabularies_are_refused(tmp_path: Path, entries: list[Any]) -> None:
    with pytest.raises(RunFolderError, match="should be different strings"):
        Preprocessing({"labels": entries}).vocabulary("labels")
