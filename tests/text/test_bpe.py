import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ArgumentError, DataError, MissingDependencyError, RunFolderError, UnknownTokenError
from tidegate.text import BPE, load_tokenizer
from tidegate.text.tokenizers import bpe
from tidegate.text.tokenizers.bpe import LONGEST_PIECE, byte_letters, cut_at_words

TEXT = "the cat sat on the mat, the hat on the cat.\n각자 한국어를 배운다. 한국어는 재미있다.\n" * 20


@pytest.fixture(scope="module")
def tokenizer() -> BPE:
    return BPE.train([TEXT], 300)


def test_frequent_runs_of_bytes_become_tokens(tokenizer: BPE) -> None:
    assert (tokenizer.kind, tokenizer.name, tokenizer.vocabulary_size) == ("bpe", "token", 300)
    ids = tokenizer.encode("the cat")
    assert ids.dtype == np.int64
    assert [tokenizer.token_text(int(i)) for i in ids] == ["the", " cat"]
    assert len(tokenizer.encode(TEXT)) < len(TEXT.encode()) / 2
    assert tokenizer.encode("").tolist() == []


@given(text=st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back(tokenizer: BPE, text: str) -> None:
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    decoder = tokenizer.decoder()
    assert "".join(decoder.push(int(i)) for i in ids) + decoder.flush() == text


def test_decoding_agrees_with_the_tokenizers_package(tokenizer: BPE, tmp_path: Path) -> None:
    import tokenizers

    peer = tokenizers.Tokenizer.from_file(str(tokenizer.save(tmp_path)))
    ids = tokenizer.encode(TEXT).tolist()
    assert peer.encode(TEXT).ids == ids
    assert peer.decode(ids) == TEXT


@given(text=st.text(st.sampled_from("ab \n\t 's한\x1c"), max_size=40), cut=st.integers(0, 40))
def test_a_stream_is_encoded_as_the_whole(tokenizer: BPE, text: str, cut: int) -> None:
    parts = list(tokenizer.encode_stream([text[:cut], text[cut:]]))
    assert np.concatenate([*parts, np.zeros(0, np.int64)]).tolist() == tokenizer.encode(text).tolist()


@pytest.mark.parametrize("unit", ["the cat 's  \n\n", "한국어 ", " x", "a\n"])
def test_long_texts_are_cut_between_words(tokenizer: BPE, unit: str) -> None:
    text = unit * (2 * LONGEST_PIECE // len(unit) + 100)
    pieces = list(cut_at_words([text[i : i + 1000] for i in range(0, len(text), 1000)]))
    assert "".join(pieces) == text
    assert len(pieces) >= 3
    assert max(map(len, pieces)) <= LONGEST_PIECE
    whole = tokenizer._tokenizer.encode(text).ids
    assert tokenizer.encode(text).tolist() == whole


def test_no_cut_falls_between_two_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = BPE.train(["x   x\n\n\nx" * 50], 300)  # runs of white space are tokens here
    assert {"ĠĠ", "ĊĊ"} <= tokenizer.vocabulary.keys()
    monkeypatch.setattr(bpe, "LONGEST_PIECE", 8)
    rng = random.Random(0)
    for _ in range(300):
        words = ["".join(rng.choices("the", k=rng.randint(1, 3))) for _ in range(12)]
        gaps = [rng.choice(" \n") + "".join(rng.choices(" \n\t", k=rng.randint(0, 2))) for _ in words]
        text = "".join(word + gap for word, gap in zip(words, gaps, strict=True))
        assert tokenizer.encode(text).tolist() == tokenizer._tokenizer.encode(text).ids


def test_a_text_without_spaces_still_ends() -> None:
    for text in ("x" * 300_000, " " * 300_000):
        pieces = list(cut_at_words([text]))
        assert "".join(pieces) == text
        assert max(map(len, pieces)) <= LONGEST_PIECE


def test_training_does_not_depend_on_blocks() -> None:
    whole, blocks = BPE.train([TEXT], 280), BPE.train([TEXT[i : i + 7] for i in range(0, len(TEXT), 7)], 280)
    assert (whole.vocabulary, whole.merges) == (blocks.vocabulary, blocks.merges)


def test_training_on_little_text_gives_few_tokens() -> None:
    assert BPE.train(["ab"], 4096).vocabulary_size == 257
    assert BPE.train([], 256).vocabulary_size == 256
    with pytest.raises(ArgumentError, match="vocabulary_size is 255"):
        BPE.train([TEXT], 255)


def test_normalisation_is_saved_and_applied(tmp_path: Path) -> None:
    tokenizer = BPE.train([TEXT], 300, normalize="NFC")
    tokenizer.save(tmp_path)
    again = load_tokenizer(tmp_path)
    assert isinstance(again, BPE)
    assert again.normalize == "NFC"
    jamo = "\u1112\u1161\u11ab"
    assert again.encode(jamo).tolist() == tokenizer.encode("한").tolist()
    assert again.decode(again.encode(jamo)) == "한"


def test_a_saved_tokenizer_is_loaded(tokenizer: BPE, tmp_path: Path) -> None:
    assert tokenizer.save(tmp_path) == tmp_path / "tokenizer.json"
    again = load_tokenizer(tmp_path)
    assert isinstance(again, BPE)
    assert (again.vocabulary, again.merges, again.normalize) == (tokenizer.vocabulary, tokenizer.merges, None)
    assert again.encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()


def test_byte_letters_are_those_of_the_tokenizers_package() -> None:
    from tokenizers.pre_tokenizers import ByteLevel

    letters = byte_letters()
    assert sorted(letters) == sorted(ByteLevel.alphabet())
    assert sorted(letters.values()) == list(range(256))
    assert (letters["A"], letters["Ġ"], letters["Ċ"]) == (65, 32, 10)


def set_in(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(record: dict[str, Any]) -> None:
        for name in path[:-1]:
            record = record[name]
        record[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_in("version", value="2.0"), "another version"),
        (set_in("added_tokens", value=[{"id": 0, "content": "x"}]), "another program"),
        (set_in("model", value=None), "'model' should be of type dict"),
        (set_in("model", "type", value="WordPiece"), "not a byte-level BPE"),
        (set_in("pre_tokenizer", "add_prefix_space", value=True), "not a byte-level BPE"),
        (set_in("pre_tokenizer", "type", value="Whitespace"), "not a byte-level BPE"),
        (set_in("normalizer", value={"type": "Lowercase"}), "not a byte-level BPE"),
        (set_in("model", "vocab", value=["a"]), "'vocab' should be of type dict"),
        (set_in("model", "vocab", "a", value="7"), "whole number"),
        (set_in("model", "vocab", "a", value=True), "whole number"),
        (set_in("model", "vocab", "a", value=300), "without gap"),
        (set_in("model", "vocab", "a b", value=300), "alphabet"),
        (set_in("model", "merges", value=[["a"]]), "two tokens"),
        (set_in("model", "merges", value=["a b"]), "two tokens"),
        (set_in("model", "merges", value=[["q", "q"]]), "merge of 'q' and 'q'"),
    ],
)
def test_altered_files_are_refused(
    tokenizer: BPE, tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    path = tokenizer.save(tmp_path)
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    with pytest.raises(RunFolderError, match=message):
        load_tokenizer(tmp_path)


def test_other_entries_of_the_file_have_no_effect(tokenizer: BPE, tmp_path: Path) -> None:
    path = tokenizer.save(tmp_path)
    record = json.loads(path.read_text())
    record["model"]["dropout"] = 0.9
    record["truncation"] = {"max_length": 1, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    path.write_text(json.dumps(record))
    assert load_tokenizer(tmp_path).encode(TEXT).tolist() == tokenizer.encode(TEXT).tolist()


def test_truncated_file_is_refused(tokenizer: BPE, tmp_path: Path) -> None:
    path = tokenizer.save(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RunFolderError, match="not whole JSON"):
        load_tokenizer(tmp_path)


def test_a_vocabulary_without_all_bytes_is_refused() -> None:
    with pytest.raises(DataError, match="lacks some of the 256 single bytes"):
        BPE({"a": 0}, [])


def test_ids_outside_the_vocabulary_raise(tokenizer: BPE) -> None:
    with pytest.raises(UnknownTokenError, match="Token 300"):
        tokenizer.decode([300])
    with pytest.raises(UnknownTokenError, match="Token -1"):
        tokenizer.decoder().push(-1)
    with pytest.raises(UnknownTokenError, match=r"U\+DCE9"):
        tokenizer.encode("\udce9")


def test_missing_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(
        MissingDependencyError, match=r"needs tokenizers\. It is not installed: pip install 'tokenizers>="
    ):
        BPE.train([TEXT], 300)
