import json
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.errors import ArgumentError, DataError, RunFolderError, UnknownTokenError
from tidegate.text import ByteTokenizer, CharacterTokenizer, load_tokenizer

valid_text = st.text(st.characters(exclude_categories=["Cs"]))


def test_characters_are_numbered_in_code_point_order() -> None:
    tokenizer = CharacterTokenizer.from_counts(Counter("hello"))
    assert (tokenizer.characters, tokenizer.vocabulary_size, tokenizer.kind, tokenizer.name) == (
        "ehlo",
        4,
        "characters",
        "character",
    )
    ids = tokenizer.encode("hello")
    assert ids.dtype == np.int64
    assert ids.tolist() == [1, 0, 2, 2, 3]
    assert tokenizer.decode(ids) == "hello"
    assert tokenizer.encode("").tolist() == []
    assert tokenizer.decode([]) == ""


@given(valid_text)
def test_round_trips(text: str) -> None:
    assert ByteTokenizer().decode(ByteTokenizer().encode(text)) == text
    if text:
        tokenizer = CharacterTokenizer.from_counts(Counter(text))
        assert tokenizer.decode(tokenizer.encode(text)) == text
        decoder = tokenizer.decoder()
        assert "".join(decoder.push(int(i)) for i in tokenizer.encode(text)) + decoder.flush() == text


@given(st.lists(st.integers(0, 255), max_size=30))
def test_bytes_stream_out_as_the_whole_would(ids: list[int]) -> None:
    decoder = ByteTokenizer().decoder()
    streamed = "".join(decoder.push(i) for i in ids) + decoder.flush()
    assert streamed == bytes(ids).decode("utf-8", "replace") == ByteTokenizer().decode(ids)


def test_only_whole_characters_are_emitted() -> None:
    decoder = ByteTokenizer().decoder()
    assert [decoder.push(b) for b in "é🌊".encode()] == ["", "é", "", "", "", "🌊"]
    assert decoder.push(0xE2) == ""
    assert decoder.flush() == "\ufffd"
    assert decoder.push(ord("a")) == "a", "a decoder starts anew after flush"


def test_unknown_characters_are_named_with_their_code_points() -> None:
    tokenizer = CharacterTokenizer("abc")
    with pytest.raises(UnknownTokenError) as caught:
        tokenizer.encode("aéb한é\U0001f30a\udcff")
    message = str(caught.value)
    assert "5 of the text's 7 characters" in message
    assert "'é' U+00E9 (2 times)" in message
    assert "'한' U+D55C (1 time)" in message
    assert "U+1F30A" in message
    assert "U+DCFF" in message
    assert message.encode().decode() == message, "a lone surrogate is escaped, so that the message can be printed"
    with pytest.raises(UnknownTokenError, match="and 3 more"):
        tokenizer.encode("ABCDEFGHIJKLM")


def test_unknown_characters_replaced_or_dropped_are_counted() -> None:
    tally: Counter[str] = Counter()
    replacing = CharacterTokenizer.from_counts(Counter("ab"), unknown="replace")
    assert replacing.characters == "ab\ufffd"
    assert replacing.decode(replacing.encode("aébé", tally)) == "a\ufffdb\ufffd"
    assert tally == {"é": 2}
    dropping = CharacterTokenizer("ab", unknown="drop")
    assert dropping.decode(dropping.encode("aéb한", tally)) == "ab"
    assert tally == {"é": 3, "한": 1}
    assert [a.tolist() for a in dropping.encode_stream(["aé", "b"], tally)] == [[0], [1]]
    assert tally["é"] == 4


def test_rare_characters() -> None:
    counts = Counter("aaabbc")
    assert CharacterTokenizer.from_counts(counts, min_count=2, unknown="drop").characters == "ab"
    with pytest.raises(ArgumentError, match="min_count=2 makes rare characters unknown"):
        CharacterTokenizer.from_counts(counts, min_count=2)
    with pytest.raises(ArgumentError, match="min_count is 0"):
        CharacterTokenizer.from_counts(counts, min_count=0)
    with pytest.raises(DataError, match="No character occurs 4 times"):
        CharacterTokenizer.from_counts(counts, min_count=4, unknown="replace")


@pytest.mark.parametrize(
    ("characters", "unknown", "error", "message"),
    [
        ("", "error", DataError, "empty"),
        ("aba", "error", DataError, r"'a' U\+0061 twice"),
        ("a\ud800", "error", DataError, "surrogate"),
        ("ab", "ignore", ArgumentError, "'ignore'"),
        ("ab", "replace", ArgumentError, "needs U\\+FFFD"),
    ],
)
def test_bad_vocabularies(characters: str, unknown: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        CharacterTokenizer(characters, unknown)


def test_hangul_typed_either_way_is_the_same_units() -> None:
    text = "한국어 각"
    jamo = unicodedata.normalize("NFD", text)
    tokenizer = CharacterTokenizer.from_counts(Counter(text), normalize="NFC")
    assert tokenizer.encode(jamo).tolist() == tokenizer.encode(text).tolist()
    assert tokenizer.decode(tokenizer.encode(jamo)) == text
    assert ByteTokenizer("NFC").encode(jamo).tolist() == list(text.encode())
    with pytest.raises(UnknownTokenError, match=r"U\+1112"):
        CharacterTokenizer.from_counts(Counter(text)).encode(jamo)


@pytest.mark.parametrize("tokenizer", [CharacterTokenizer("abc"), ByteTokenizer()])
@pytest.mark.parametrize("wrong", [-1, 256])
def test_numbers_outside_the_vocabulary_are_refused(tokenizer: CharacterTokenizer | ByteTokenizer, wrong: int) -> None:
    for use in (
        lambda: tokenizer.decode([0, wrong]),
        lambda: tokenizer.decoder().push(wrong),
        lambda: tokenizer.token_text(wrong),
    ):
        with pytest.raises(UnknownTokenError, match=f"Token {wrong} is not in the vocabulary"):
            use()


def test_decode_refuses_what_is_not_a_row_of_whole_numbers() -> None:
    for ids in ([0.5], [[0, 1]]):
        with pytest.raises(UnknownTokenError, match="whole numbers of shape"):
            ByteTokenizer().decode(ids)


def test_units_for_display() -> None:
    tokenizer = CharacterTokenizer("\n a한\u0301\\")
    assert [tokenizer.token_text(i) for i in range(tokenizer.vocabulary_size)] == [
        r"\n",
        " ",
        "a",
        "한",
        "\u0301",
        "\\",
    ]
    assert [ByteTokenizer().token_text(b) for b in (10, 32, 65, 0, 0xE2)] == [r"\n", " ", "A", r"\x00", r"\xe2"]


def test_lone_surrogates_are_not_bytes() -> None:
    with pytest.raises(UnknownTokenError, match=r"U\+DCE9 at character 3"):
        ByteTokenizer().encode("caf\udce9")


@pytest.mark.parametrize(
    "tokenizer",
    [
        CharacterTokenizer("\n\u2028ab한🌊\ufffd", "replace", "NFC"),
        CharacterTokenizer('"\\ab', "drop"),
        ByteTokenizer(),
        ByteTokenizer("NFC"),
    ],
)
def test_a_saved_tokenizer_is_loaded(tmp_path: Path, tokenizer: CharacterTokenizer | ByteTokenizer) -> None:
    path = tokenizer.save(tmp_path)
    assert path == tmp_path / "vocabulary.json"
    assert load_tokenizer(tmp_path) == tokenizer
    assert [p.name for p in tmp_path.iterdir()] == ["vocabulary.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "another program"),
        ({"version": 2}, "another version"),
        ({"kind": "syllables"}, "'kind' should be"),
        ({"kind": ["characters"]}, "'kind' should be"),
        ({"size": 4}, "says it has 4 tokens, but has 3"),
        ({"size": "3"}, "'size' should be of type int"),
        ({"size": True}, "'size' should be of type int"),
        ({"characters": "abb"}, "altered.*twice"),
        ({"characters": ["a", "b", "c"]}, "'characters' should be of type str"),
        ({"characters": ""}, "altered.*empty"),
        ({"characters": "ab\ud800"}, "altered.*surrogate"),
        ({"unknown": "ignore"}, "altered.*'ignore'"),
        ({"unknown": None}, "altered.*None"),
        ({"normalize": "NFD"}, "'normalize' should be"),
        ({"kind": "bytes"}, "says it has 3 tokens, but has 256"),
    ],
)
def test_altered_vocabulary_files_are_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = CharacterTokenizer("abc").save(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunFolderError, match=message):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not whole JSON"),
        (b'{"format": "tidegate voc', "not whole JSON"),
        (b"\xff\xfe", "not whole JSON"),
        (b"[" * 100_000, "not whole JSON"),
        (b"[1]", "should hold a JSON object"),
        (b"{}", "another program"),
    ],
)
def test_damaged_vocabulary_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "vocabulary.json").write_bytes(content)
    with pytest.raises(RunFolderError, match=message):
        load_tokenizer(tmp_path)


def test_missing_and_doubled_vocabularies(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"vocabulary\.json is missing"):
        load_tokenizer(tmp_path)
    (tmp_path / "vocabulary.json").mkdir()
    with pytest.raises(RunFolderError, match="cannot be read"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(RunFolderError, match="has both"):
        load_tokenizer(tmp_path)
