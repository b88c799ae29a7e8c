import json
import random
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tidegate.text.corpus.write_corpus as encoding
from tidegate.errors import (
    ArgumentError,
    CorpusTooSmallError,
    DataError,
    EncodingError,
    RunFolderError,
    TidegateError,
    UnknownTokenError,
)
from tidegate.io.files import replacing
from tidegate.text import BPE, CharacterTokenizer, open_corpus, prepare_corpus
from tidegate.text.corpus.splits import character_cuts

TEXT = "the cat sat on the mat.\nthe hat, the cat and 각자 한국어를 é\n" * 30


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.txt"
    path.write_text(TEXT)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_characters_by_hand(source: Path, folder: Path) -> None:
    corpus = prepare_corpus(source, folder)
    alphabet = sorted(set(TEXT))
    assert isinstance(corpus.tokenizer, CharacterTokenizer)
    assert corpus.tokenizer.characters == "".join(alphabet)
    assert corpus.array.dtype == np.uint8
    assert corpus.array.tolist() == [alphabet.index(c) for c in TEXT]
    n = len(TEXT)
    assert corpus.bounds == (int(n * 0.9), int(n * 0.95))
    joined = np.concatenate([corpus.train, corpus.validation, corpus.test])
    assert np.array_equal(joined, corpus.array)
    assert corpus.split_kind == "contiguous 90/5/5"
    assert sorted(p.name for p in folder.iterdir()) == ["corpus.json", "corpus.npy", "vocabulary.json"]
    assert corpus.report() == [
        "1,650 characters in 1 file",
        f"vocabulary of {len(alphabet)} characters",
        "no character unknown",
        "contiguous 90/5/5: 1,485 for training, 82 for validation, 83 for test (characters)",
    ]


def test_the_array_is_read_only_and_on_disk(source: Path, folder: Path) -> None:
    corpus = prepare_corpus(source, folder)
    assert isinstance(corpus.array, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        corpus.array[0] = 1
    assert np.array_equal(np.load(folder / "corpus.npy", allow_pickle=False), corpus.array)


@pytest.mark.parametrize("tokenizer", ["characters", "bytes", "bpe"])
def test_parts_hold_the_same_text_with_every_tokenizer(source: Path, folder: Path, tokenizer: Any) -> None:
    size = 300 if tokenizer == "bpe" else None
    corpus = prepare_corpus(source, folder, tokenizer=tokenizer, vocabulary_size=size, splits=(0.8, 0.1, 0.1))
    first, second = int(len(TEXT) * 0.8), int(len(TEXT) * 0.9)
    parts = [corpus.tokenizer.decode(part) for part in (corpus.train, corpus.validation, corpus.test)]
    assert parts == [TEXT[:first], TEXT[first:second], TEXT[second:]]
    assert corpus.array.dtype == (np.uint16 if tokenizer == "bpe" else np.uint8)
    assert open_corpus(folder).tokenizer.kind == tokenizer


@pytest.mark.parametrize("tokenizer", ["characters", "bytes", "bpe"])
def test_block_size_changes_nothing(source: Path, tmp_path: Path, tokenizer: Any) -> None:
    source.write_bytes(b"\xef\xbb\xbf" + unicodedata.normalize("NFD", TEXT).replace("\n", "\r\n").encode())
    options: dict[str, Any] = {"tokenizer": tokenizer, "normalize": "NFC"}
    whole = prepare_corpus(source, tmp_path / "whole", **options)
    blocks = prepare_corpus(source, tmp_path / "blocks", block_size=5, **options)
    assert whole.digest == blocks.digest
    assert np.array_equal(whole.array, blocks.array)
    assert whole.tokenizer.decode(whole.array) == TEXT
    assert blocks.report()[0] == "1,650 characters in 1 file, normalised to NFC"


def test_bpe_is_learned_from_the_training_part_only(tmp_path: Path, folder: Path) -> None:
    secret = "zqxj" * 100
    (tmp_path / "a").write_text("the cat sat on the mat. " * 100 + secret)
    corpus = prepare_corpus(tmp_path / "a", folder, tokenizer="bpe", splits=(0.6, 0.2, 0.2))
    assert isinstance(corpus.tokenizer, BPE)
    assert "the" in corpus.tokenizer.vocabulary
    assert not [t for t in corpus.tokenizer.vocabulary if len(t) > 1 and set(t) & set("zqxj")]
    assert "learned from the training part only" in corpus.report()[1]
    assert "4,096 were asked for" in corpus.report()[1]


def test_wide_alphabets_get_wider_types(tmp_path: Path, folder: Path) -> None:
    for count, dtype in ((256, np.uint8), (257, np.uint16)):
        text = "".join(chr(0x4E00 + i) for i in range(count))
        (tmp_path / "a").write_text(text)
        corpus = prepare_corpus(tmp_path / "a", folder)
        assert corpus.array.dtype == dtype
        assert corpus.tokenizer.decode(corpus.array) == text


def test_rare_characters_are_replaced_or_dropped_and_reported(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "a").write_text("ab" * 50 + "éé한" + "ab" * 50)
    replaced = prepare_corpus(tmp_path / "a", folder, unknown="replace", min_count=3)
    assert replaced.tokenizer.decode(replaced.array) == "ab" * 50 + "\ufffd" * 3 + "ab" * 50
    line = "3 unknown characters replaced by U+FFFD: 'é' U+00E9 (2 times), '한' U+D55C (1 time)"
    assert replaced.report()[2] == line
    dropped = prepare_corpus(tmp_path / "a", folder, unknown="drop", min_count=2)
    assert dropped.tokenizer.decode(dropped.array) == "ab" * 50 + "éé" + "ab" * 50
    assert dropped.report()[2] == "1 unknown character dropped: '한' U+D55C (1 time)"
    with pytest.raises(ArgumentError, match="min_count=2"):
        prepare_corpus(tmp_path / "a", folder, min_count=2)


def test_other_text_with_the_tokenizer_of_an_earlier_run(source: Path, tmp_path: Path) -> None:
    tokenizer = prepare_corpus(source, tmp_path / "one").tokenizer
    (tmp_path / "other").write_text("the cat is out")
    with pytest.raises(UnknownTokenError, match=r"'i' U\+0069"):
        prepare_corpus(tmp_path / "other", tmp_path / "two", tokenizer=tokenizer, splits=None)
    (tmp_path / "other").write_text("the mat sat")
    again = prepare_corpus(tmp_path / "other", tmp_path / "two", tokenizer=tokenizer, splits=None)
    assert again.tokenizer == tokenizer
    assert again.tokenizer.decode(again.array) == "the mat sat"
    with pytest.raises(ArgumentError, match="leave them out"):
        prepare_corpus(source, tmp_path / "two", tokenizer=tokenizer, min_count=2)


def test_folders_patterns_and_limit(tmp_path: Path, folder: Path) -> None:
    for name, text in (("d/b.py", "world" * 10), ("d/a.py", "hello" * 10), ("d/c.txt", "!")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    corpus = prepare_corpus([tmp_path / "d"], folder, pattern="*.py", limit=53, splits=(0.5, 0.5, 0))
    assert corpus.tokenizer.decode(corpus.array) == "hello" * 10 + "wor"
    assert corpus.report()[0] == "53 characters in 2 files, at most the first 53 characters"
    assert len(corpus.test) == 0
    assert corpus.split_kind == "contiguous 50/50"


def test_hello_is_not_split(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "hello").write_text("hello")
    with pytest.raises(CorpusTooSmallError, match=r"has 5 characters, but a contiguous 90/5/5 split needs at least 31"):
        prepare_corpus(tmp_path / "hello", folder)
    corpus = prepare_corpus(tmp_path / "hello", folder, splits=None)
    assert corpus.tokenizer.decode(corpus.train) == corpus.tokenizer.decode(corpus.validation) == "hello"
    assert len(corpus.test) == 0
    assert corpus.split_kind == "no split: validated on the training text"
    assert open_corpus(folder).split_kind == corpus.split_kind


def test_needed_length_is_exact() -> None:
    for splits in ((0.9, 0.05, 0.05), (0.9, 0.1, 0.0), (0.01, 0.98, 0.01), (0.5, 0.25, 0.25)):
        enough = [n for n in range(1000) if _fits(n, splits)]
        with pytest.raises(CorpusTooSmallError, match=f"needs at least {enough[0]},"):
            character_cuts(3, splits)
        assert character_cuts(enough[0], splits)[0] >= 2


def _fits(total: int, splits: tuple[float, float, float]) -> bool:
    try:
        character_cuts(total, splits)
    except CorpusTooSmallError:
        return False
    return True


def test_too_little_text(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").write_text("")
    for splits in ((0.9, 0.1, 0.0), None):
        with pytest.raises(CorpusTooSmallError, match="The text has 0 characters"):
            prepare_corpus(tmp_path / "empty", folder, splits=splits)
    (tmp_path / "dropped").write_text("a" * 90 + "bcdefghijk")
    with pytest.raises(CorpusTooSmallError, match="validation part has 0 characters once encoded"):
        prepare_corpus(tmp_path / "dropped", folder, unknown="drop", min_count=2, splits=(0.9, 0.1, 0))
    assert not (folder / "corpus.json").exists()


def test_bad_files(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "latin1").write_bytes(b"caf\xe9")
    with pytest.raises(EncodingError, match="byte 3 "):
        prepare_corpus(tmp_path / "latin1", folder)
    with pytest.raises(DataError, match="does not exist"):
        prepare_corpus(tmp_path / "absent", folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"splits": (0.9, 0.05, 0.1)}, "sum to 1"),
        ({"splits": (1.1, -0.1, 0.0)}, "sum to 1"),
        ({"splits": (0.9, 0.1)}, "three fractions"),
        ({"splits": (1.0, 0.0, 0.0)}, "training and validation"),
        ({"splits": (float("nan"), 0.5, 0.5)}, "sum to 1"),
        ({"limit": 0}, "limit is 0"),
        ({"tokenizer": "syllables"}, "tokenizer is 'syllables'"),
        ({"vocabulary_size": 300}, "vocabulary_size is for tokenizer='bpe'"),
        ({"tokenizer": "bpe", "vocabulary_size": 0}, "at least 256"),
        ({"tokenizer": "bpe", "lowercase": True}, "lowercase is for tokenizer='words'"),
        ({"word_pattern": r"\\w+"}, "word_pattern is for tokenizer='words'"),
        ({"tokenizer": "words", "word_pattern": "("}, "no regular expression"),
        ({"tokenizer": "words", "min_count": 2, "unknown": "error"}, "refuse the text itself"),
        ({"tokenizer": "words", "vocabulary_size": 2}, "must be over 2"),
        ({"tokenizer": "bytes", "min_count": 2}, "min_count and unknown are for"),
        ({"unknown": "ignore"}, "unknown is 'ignore'"),
        ({"normalize": "NFD"}, "normalize is 'NFD'"),
    ],
)
def test_bad_options(source: Path, folder: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        prepare_corpus(source, folder, **options)
    assert not folder.exists()


def test_a_failure_leaves_the_earlier_corpus(source: Path, folder: Path, tmp_path: Path) -> None:
    before = prepare_corpus(source, folder)
    (tmp_path / "other").write_text("0123456789" * 10)
    with pytest.raises(UnknownTokenError):
        prepare_corpus(tmp_path / "other", folder, tokenizer=before.tokenizer)
    after = open_corpus(folder)
    after.verify()
    assert after.digest == before.digest
    assert sorted(p.name for p in folder.iterdir()) == ["corpus.json", "corpus.npy", "vocabulary.json"]


def test_preparing_anew_replaces_the_vocabulary(source: Path, folder: Path) -> None:
    prepare_corpus(source, folder)
    prepare_corpus(source, folder, tokenizer="bpe", vocabulary_size=260).verify()
    assert sorted(p.name for p in folder.iterdir()) == ["corpus.json", "corpus.npy", "tokenizer.json"]
    prepare_corpus(source, folder, tokenizer="bytes").verify()
    assert open_corpus(folder).tokenizer.kind == "bytes"


def test_the_corpus_does_not_read_itself(source: Path, tmp_path: Path) -> None:
    prepare_corpus(source, tmp_path)
    with pytest.raises(DataError, match="itself part of the corpus"):
        prepare_corpus(tmp_path, tmp_path)
    prepare_corpus(source, tmp_path).verify()


@pytest.mark.parametrize("text", [TEXT + "!", TEXT[:-1]])
def test_files_that_change_while_read_are_noticed(
    source: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    original = encoding.write_array_header

    def change(*arguments: Any) -> None:
        source.write_text(text)
        original(*arguments)

    monkeypatch.setattr(encoding, "write_array_header", change)
    with pytest.raises(DataError, match="changed while they were being read"):
        prepare_corpus(source, folder, tokenizer="bytes")
    assert list(folder.iterdir()) == []


def test_digest_depends_on_text_vocabulary_and_splits(source: Path, tmp_path: Path) -> None:
    def digest(name: str, **options: Any) -> str:
        return prepare_corpus(source, tmp_path / name, **options).digest

    first = digest("a")
    assert digest("b") == first == open_corpus(tmp_path / "a").digest
    source.write_text(TEXT.replace("mat", "tam", 1))
    different = [digest("c")]
    source.write_text(TEXT.replace("m", "M"))  # the same numbers, another vocabulary
    different.append(digest("d"))
    source.write_text(TEXT)
    different.append(digest("e", splits=(0.8, 0.1, 0.1)))
    assert len({first, *different}) == 4


def test_verify_notices_changes(source: Path, folder: Path) -> None:
    prepare_corpus(source, folder).verify()
    content = bytearray((folder / "corpus.npy").read_bytes())
    content[-1] ^= 1
    (folder / "corpus.npy").write_bytes(content)
    with pytest.raises(DataError, match="has changed since it was prepared"):
        open_corpus(folder).verify()
    prepare_corpus(source, folder).verify()
    path = folder / "vocabulary.json"
    path.write_text(path.read_text().replace('"error"', '"drop"'))
    changed = open_corpus(folder)
    with pytest.raises(DataError, match="has changed since"):
        changed.verify()
    path.unlink()
    with pytest.raises(DataError, match="cannot be read"):
        changed.verify()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "tidegate vocabulary"}, "another program"),
        ({"version": 2}, "another version"),
        ({"length": 1651}, "should hold 1651 tokens"),
        ({"length": None}, "'length' should be of type int"),
        ({"digest": 5}, "'digest' should be of type str"),
        ({"bounds": [1, 2, 3]}, "'bounds' should be"),
        ({"bounds": [0, 5]}, "'bounds' should be"),
        ({"bounds": [5, 4]}, "'bounds' should be"),
        ({"bounds": [5, 1651]}, "'bounds' should be"),
        ({"bounds": [5.0, 6]}, "'bounds' should be"),
        ({"splits": [0.9, 0.1]}, "'splits' should be"),
        ({"splits": "90"}, "'splits' should be"),
        ({"splits": [0.9, 0.9, 0.9]}, "altered.*sum to 1"),
        ({"splits": None}, "not split"),
        ({"report": [1]}, "'report' should be"),
    ],
)
def test_altered_corpus_json_is_refused(source: Path, folder: Path, change: dict[str, Any], message: str) -> None:
    prepare_corpus(source, folder)
    path = folder / "corpus.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunFolderError, match=message):
        open_corpus(folder)


def test_missing_truncated_and_foreign_files(source: Path, folder: Path, tmp_path: Path) -> None:
    prepare_corpus(source, folder)
    for name in ("corpus.json", "corpus.npy", "vocabulary.json"):
        path = folder / name
        whole = path.read_bytes()
        for size in (0, 1, 20, len(whole) // 2, len(whole) - 3):
            path.write_bytes(whole[:size])
            with pytest.raises(RunFolderError, match=name):
                open_corpus(folder)
        path.unlink()
        with pytest.raises(RunFolderError, match=f"{name} is missing"):
            open_corpus(folder)
        path.write_bytes(whole)
    open_corpus(folder).verify()
    np.save(folder / "corpus.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(RunFolderError, match=r"corpus\.npy is not a whole array"):
        open_corpus(folder)
    np.save(folder / "corpus.npy", np.zeros(1650, np.int64))
    with pytest.raises(RunFolderError, match=r"corpus\.npy should hold 1650 tokens of type uint8"):
        open_corpus(folder)
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    (tmp_path / "a.npz").rename(folder / "corpus.npy")
    with pytest.raises(RunFolderError, match=r"corpus\.npy"):
        open_corpus(folder)


def test_flipped_bytes_never_crash(source: Path, folder: Path) -> None:
    """Any byte changed anywhere is refused on opening or on verifying, or is in the report's wording only."""
    rng = random.Random(0)
    before = prepare_corpus(source, folder)
    for name in ("corpus.json", "corpus.npy", "vocabulary.json"):
        path = folder / name
        whole = path.read_bytes()
        for _ in range(60):
            damaged = bytearray(whole)
            damaged[rng.randrange(len(whole))] ^= 1 << rng.randrange(8)
            path.write_bytes(damaged)
            try:
                corpus = open_corpus(folder)
                corpus.verify()
            except TidegateError:
                continue
            assert name != "vocabulary.json"
            assert np.array_equal(corpus.array, before.array)
            assert corpus.bounds == before.bounds
        path.write_bytes(whole)


def test_large_single_line(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "line").write_text("ab" * (1 << 19))
    corpus = prepare_corpus(tmp_path / "line", folder, block_size=10_000)
    assert len(corpus.array) == 1 << 20
    assert corpus.array[:4].tolist() == [0, 1, 0, 1]


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(TypeError), replacing(path) as file:
        file.writelines([b"ne", "w"])  # type: ignore[list-item]
    assert path.read_text() == "old"
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_file_of_two_parts_is_refused(tmp_path: Path) -> None:
    for name in ("train.txt", "valid.txt"):
        (tmp_path / name).write_text("the tide comes in")
    valid = tmp_path / "valid.txt"
    with pytest.raises(DataError, match=r"valid\.txt is given for training and for validation: leave it out"):
        prepare_corpus(tmp_path, tmp_path / "out", validation=valid)
    with pytest.raises(DataError, match="for validation and for test"):
        prepare_corpus(tmp_path / "train.txt", tmp_path / "out", validation=valid, test=valid)
