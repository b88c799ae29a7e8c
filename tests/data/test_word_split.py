"""The bounds of words: none beside a mark or a joiner, in any script; those of Latin are what they were."""

import random
import re

import pytest
import regex

from tidegate.data.word_split import TextCounts, joined, pieces, words_of
from tidegate.tasks.classify.task import split_words

WHOLE = {
    "Hindi": ["हिन्दी", "में", "लिखो", "क्ष", "श्री"],
    "Bengali": ["বাংলা", "ভাষা"],
    "Tamil": ["வணக்கம்", "உலகம்"],
    "Telugu": ["నమస్కారం", "ప్రపంచం"],
    "Malayalam with a joiner": ["മലയാളം", "അവന്\u200d"],
    "Sinhala with a joiner": ["ශ්\u200dරී", "ලංකා"],
    "Thai": ["สวัสดี", "น้ำ"],
    "Khmer": ["ខ្មែរ", "ភាសា"],
    "Burmese": ["မြန်မာ"],
    "Arabic with vowel signs": ["السَّلَامُ", "عَلَيْكُمْ"],
    "Persian with a non-joiner": ["می\u200cخواهم", "کتاب\u200cها"],
    "Hebrew with points": ["שָׁלוֹם", "צה״ל"],
    "Vietnamese, decomposed": ["Tie\u0302\u0301ng", "Vie\u0323\u0302t"],
    "Latin, decomposed": ["e\u0301te\u0301", "nai\u0308ve", "d’e\u0301te\u0301"],
    "a soft hyphen": ["Donau\u00addampf"],
    "a direction mark": ["שלום\u200f"],
    "Turkish": ["i\u0307stanbul"],
    "Catalan": ["col·lecció"],
    "Korean, decomposed": ["\u1112\u1161\u11ab\u1100\u1173\u11af"],
    "Yoruba": ["o\u0323\u0300kan"],
}
SYMBOLS = ["👨\u200d👩\u200d👧", "👍🏽", "🇫🇷", "❤\ufe0f", "1\ufe0f\u20e3", "🏳\ufe0f\u200d🌈", "!", "।", "؟", "…"]


@pytest.mark.parametrize("language", WHOLE)
def test_a_word_stays_whole(language: str) -> None:
    words = WHOLE[language]
    for text in (" ".join(words), "\n".join(words), "".join(f"{word}, " for word in words), f"({' '.join(words)})"):
        assert [it for it in words_of(text) if it not in ",()"] == words
    assert [it.strip() for it in pieces(" ".join(words).replace("’", ""), "words")] == [
        part for word in words for part in re.split(r"(?<=[·״])|(?=[·״])", word.replace("’", ""))
    ]


def test_symbols_of_several_parts_stay_whole() -> None:
    assert words_of("".join(f" {it}" for it in SYMBOLS)) == SYMBOLS
    assert words_of("🇫🇷🇩🇪👍🏽!") == ["🇫🇷", "🇩🇪", "👍🏽", "!"]
    assert pieces("ok 👍🏽👨\u200d👩\u200d👧", "words") == [" ok", " 👍🏽", "👨\u200d👩\u200d👧"]


@pytest.mark.parametrize(
    "text",
    [
        "I don't know. It's 3.14, or 1,000 (about)!",
        "J'ai vu l’été; m² ½ x_1 ①",
        "a/b a-b e.g. user@example.com #tag 50% $5 C++",
        "Grüße aus Köln: »ja« „nein“ — so…",
        "日本語。 한국어, русский язык",
        "tab\tand\x1cnewline\r\nand\u00a0space\u2003.",
    ],
)
def test_texts_without_marks_are_split_as_before(text: str) -> None:
    """By the rules that stood here before marks were kept, which are Python's own."""
    assert words_of(text) == re.findall(r"\w+(?:['’]\w+)*|[^\w\s]", text)
    assert split_words(text, True) == words_of(text.lower())
    assert pieces(text, "words") == re.findall(r"\s?\w+['’]?|\s?[^\w\s]|\s", " " + text)


def test_no_bound_is_within_a_character_of_the_reader() -> None:
    """Random texts of all scripts above: joined pieces are the text, and each ends where a grapheme cluster does."""
    parts = [word for words in WHOLE.values() for word in words] + SYMBOLS + list(" .'’\t")
    draw = random.Random(0)
    for _ in range(3000):
        text = "x" + "".join(draw.choices(parts, k=draw.randint(1, 12)))
        found = pieces(text, "words")
        assert joined(found, "words") == text
        bounds = {match.end() for match in regex.finditer(r"\X", text)}
        place = -1  # the space that is put before the text
        for piece in found:
            place += len(piece)
            assert place in bounds, (text, found)


def test_names_of_one_word_are_read_by_characters() -> None:
    counts = TextCounts()
    for name in ("सीमा", "राधा", "சீதா"):
        counts.add(name)
        assert len(words_of(name)) == 1
    assert counts.level("auto") == "characters"
