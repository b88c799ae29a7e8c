"""Words as tokens: which words there are, what is unknown, and text that comes back."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tidegate.errors import ArgumentError, DataError, RunFolderError, UnknownTokenError
from tidegate.text import WordTokenizer, generate, load_tokenizer, prepare_corpus
from tidegate.text.tokenizers import words as module

TEXT = "the cat sat on the mat .\n\n the dog saw the cat\tand <unk> ran .\nit is"


def reference_words(text: str) -> list[str]:
    """The words of a file as the scripts that go with the published tables read them: line by line."""
    found = []
    for line in text.splitlines():
        found += [*line.split(), "<eos>"]
    return found


def test_words_and_line_ends_are_those_of_the_published_tables(tmp_path: Path):
    (tmp_path / "text.txt").write_text(TEXT)
    corpus = prepare_corpus(tmp_path / "text.txt", tmp_path / "run", tokenizer="words", splits=None)
    expected = reference_words(TEXT)
    assert [corpus.tokenizer.token_text(token) for token in corpus.array] == expected
    assert isinstance(corpus.tokenizer, WordTokenizer)
    assert set(corpus.tokenizer.words) == set(expected)
    assert corpus.array.dtype == np.uint8


def test_the_most_frequent_words_come_first():
    tokenizer = WordTokenizer.train([TEXT])
    counts = Counter(reference_words(TEXT)) - Counter(["<eos>"])  # the last line goes on
    assert [counts[word] for word in tokenizer.words] == sorted(counts.values(), reverse=True)
    assert tokenizer.words[0] == "the"


def test_rare_words_are_unknown_and_counted_as_such():
    tokenizer = WordTokenizer.train(["a a a a b b b c c d e f g\n"], vocabulary_size=4)
    assert tokenizer.words == ("<unk>", "a", "b", "<eos>")  # c, d, e, f and g: 6 words
    assert WordTokenizer.train(["a a a b b c\n"], min_count=2).words == ("a", "b", "<eos>", "<unk>")
    tally: Counter[str] = Counter()
    assert tokenizer.encode("b x\ny x", tally).tolist() == [2, 0, 3, 0, 0]
    assert tally == {"x": 2, "y": 1}
    assert tokenizer.unknown_note(tally) == "3 unknown words read as <unk>: 'x' (2 times), 'y' (1 time)"


def test_unknown_words_are_refused_or_dropped_by_choice():
    with pytest.raises(UnknownTokenError, match="2 of the text's 3 words are not in the vocabulary of 2: 'b'"):
        WordTokenizer(("a", "<eos>"), "error").encode("a b b")
    dropping = WordTokenizer(("a", "<eos>"), "drop")
    assert dropping.encode("b a\nb").tolist() == [0, 1]
    assert "dropped" in dropping.unknown_note(Counter(b=1))
    with pytest.raises(ArgumentError, match="needs <unk>"):
        WordTokenizer(("a",))


def test_a_pattern_takes_punctuation_apart():
    tokenizer = WordTokenizer.train(["Well, it's <unk>.\n"], pattern=r"\w+|[^\w\s]", lowercase=True)
    ids = tokenizer.encode("It's WELL.\n<unk>")
    assert [tokenizer.token_text(token) for token in ids] == ["it", "'", "s", "well", ".", "<eos>", "<unk>"]
    without = WordTokenizer.train(["a b\nc\n"], pattern=r"\w+", end_of_line=False)
    assert not without.end_of_line
    assert without.decode(without.encode("a\nc")) == "a c"


@pytest.mark.parametrize("pattern", ["a b", "x*", r"\s"])
def test_a_pattern_of_blanks_or_of_nothing_is_refused(pattern: str):
    with pytest.raises(DataError, match="is not a word"):
        WordTokenizer.train(["a b\n"], pattern=pattern)


def test_a_pattern_that_takes_for_ever_is_stopped(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SECONDS", 0.1)
    tokenizer = WordTokenizer(("a", "<unk>"), pattern=r"(?:a|a|aa)+!")
    with pytest.raises(DataError, match="fewer ways to match"):
        tokenizer.encode("a" * 60)


@pytest.mark.parametrize("block_size", [1, 7, 1 << 20])
@pytest.mark.parametrize("pattern", [None, r"\w+|[^\w\s]"])
def test_nothing_depends_on_blocks(tmp_path: Path, block_size: int, pattern: str | None):
    (tmp_path / "text.txt").write_text(TEXT * 3)
    options = {"tokenizer": "words", "word_pattern": pattern, "splits": (0.5, 0.25, 0.25)}
    corpus = prepare_corpus(tmp_path / "text.txt", tmp_path / "run", block_size=block_size, **options)
    whole = prepare_corpus(tmp_path / "text.txt", tmp_path / "whole", **options)
    assert corpus.digest == whole.digest
    np.testing.assert_array_equal(corpus.array, whole.tokenizer.encode(TEXT * 3 + "\n"))


def test_a_split_divides_no_word(tmp_path: Path):
    (tmp_path / "text.txt").write_text("abcdefghij " * 10 + "x" * 9)
    corpus = prepare_corpus(tmp_path / "text.txt", tmp_path / "run", tokenizer="words", splits=(0.54, 0.27, 0.19))
    assert isinstance(corpus.tokenizer, WordTokenizer)
    assert corpus.tokenizer.words == ("abcdefghij", "<eos>", "<unk>")  # the cut at 64 is inside of a word
    assert [len(it) for it in (corpus.train, corpus.validation, corpus.test)] == [6, 3, 3]


def test_parts_have_their_own_files(tmp_path: Path):
    texts = {"train": "a b c\nd a b", "valid": "a b\nz", "test": "c"}
    for name, text in texts.items():
        (tmp_path / f"{name}.txt").write_text(text)
    train, valid, test = (tmp_path / f"{name}.txt" for name in texts)
    corpus = prepare_corpus([train], tmp_path / "run", validation=[valid], test=[test], tokenizer="words")
    assert corpus.tokenizer.decode(corpus.train) == "a b c\nd a b\n"
    assert corpus.tokenizer.decode(corpus.validation) == "a b\n<unk>\n"  # z was not in the training part
    assert corpus.tokenizer.decode(corpus.test) == "c\n"
    assert corpus.split_kind == "given files"
    assert corpus.report()[-1].endswith("8 for training, 5 for validation, 2 for test (words)")
    limited = prepare_corpus([train], tmp_path / "limited", validation=valid, tokenizer="characters", limit=4)
    assert limited.tokenizer.decode(limited.array) == "a b a b\nz"


@pytest.mark.parametrize("text", ["a b\n\nc", "", "\n", " a", "a\n", "<unk> a"])
def test_decoded_text_is_read_as_the_same_words(text: str):
    tokenizer = WordTokenizer.train(["a b c <unk>\n"])
    ids = tokenizer.encode(text)
    assert tokenizer.encode(tokenizer.decode(ids)).tolist() == ids.tolist()


def test_a_text_without_blanks_is_refused(tmp_path: Path):
    (tmp_path / "text.txt").write_text("字" * 200_000)
    with pytest.raises(DataError, match="without a blank, from '字字"):
        prepare_corpus(tmp_path / "text.txt", tmp_path / "run", tokenizer="words")


def test_a_saved_word_tokenizer_is_loaded(tmp_path: Path):
    made = WordTokenizer.train([TEXT], pattern=r"\w+", lowercase=True, normalize="NFC", unknown="drop")
    made.save(tmp_path)
    found = load_tokenizer(tmp_path)
    assert isinstance(found, WordTokenizer)
    names = ("words", "unknown", "pattern", "lowercase", "normalize")
    assert [getattr(found, name) for name in names] == [getattr(made, name) for name in names]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": ["a", "a", "<unk>"]}, "'a' twice"),
        ({"words": ["a b", "<unk>"]}, "is not a word"),
        ({"words": ["a", 1]}, "list of words"),
        ({"words": ["a"], "size": 1}, "needs <unk>"),
        ({"pattern": 3}, "regular expression or null"),
        ({"pattern": "("}, "no regular expression"),
        ({"lowercase": "yes"}, "'lowercase'"),
        ({"unknown": "guess"}, "unknown is 'guess'"),
    ],
)
def test_altered_vocabularies_of_words_are_refused(tmp_path: Path, change: dict[str, object], message: str):
    path = WordTokenizer(("a", "<unk>")).save(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(RunFolderError, match=message):
        load_tokenizer(tmp_path)


def test_a_written_word_is_apart_from_the_prompt():
    tokenizer = WordTokenizer(("a", "b", "<eos>", "<unk>"))
    for prompt, expected in (("b", " a\na"), ("b ", "a\na"), ("b\n", "a\na")):
        decoder = tokenizer.decoder(prompt)
        assert "".join(decoder.push(token) for token in (0, 2, 0)) == expected


def test_words_of_the_prompt_that_were_never_seen_are_told(tiny_word_model):
    tokenizer, model = tiny_word_model
    with pytest.warns(UserWarning, match="The prompt has 1 unknown word read as <unk>: 'zebra'"):
        written = "".join(it.text for it in generate(model, tokenizer, "the zebra", length=5, seed=0))
    assert written[0] in " \n"
    assert len(tokenizer.encode(written)) == 5


@pytest.fixture
def tiny_word_model():
    from tidegate.text import LanguageModel, LanguageModelConfig

    tokenizer = WordTokenizer.train([TEXT])
    config = LanguageModelConfig(tokenizer.vocabulary_size, hidden_size=5, embedding_size=3)
    return tokenizer, LanguageModel(config)
