"""Words are cut from raw texts as those of the training data were, which is found out from the words alone."""

import json
from collections import Counter

import pytest

from tidegate.data.vocabulary import Vocabulary
from tidegate.data.words.cutting import AT_BLANKS, Cutting, described, find_cutting, plain

TEXTS = {
    "ptb": """
        Mr. Smith of the U.S. does n't like John 's offer , he said ; it 's ( really ) $ 3,000.50 , or 5 % . Smith
        ca n't pay . I 'm sure they 're in St. Louis - they said so ... Mr. Lee , of the U.S. , said : " no . " The
        Smith-Lee deal is off . St. Paul is far ... but is n't it ? They 're John 's .""",
    "french": "l' homme d' État qu' il a vu n' est pas l' ami d' un autre homme , qu' on n' a pas vu .",
    "tweets": "@anna loves #sun and @bob :) , she said . #sun again @anna :) !",
    "hyphens": "a well - known man - a part - time job , he said",
    "blanks": "He said, no. They said, no, no. He came (late), said no. Late? No!",
}
PTB, FRENCH, TWEETS, HYPHENS, BLANKS = map(str.split, TEXTS.values())


def cut(words: list[str], text: str) -> list[str]:
    return [it.word for it in find_cutting(Counter(words)).words(text)]


@pytest.mark.parametrize(
    ("words", "text", "expected"),
    [
        (PTB, "Berlin, 1989.", "Berlin , 1989 ."),
        (PTB, "Mr. Lee doesn't like Ann's (new) offer.", "Mr. Lee does n't like Ann 's ( new ) offer ."),
        (PTB, "The U.S., he said, isn’t St. Paul...", "The U.S. , he said , is n’t St. Paul ..."),
        (PTB, "They'RE sure: $5,000.50 or 5%!", "They 'RE sure : $ 5,000.50 or 5 % !"),
        (PTB, '"The Lee-Paul deal"', '" The Lee-Paul deal "'),
        (PTB, "n't 's", "n't 's"),
        (PTB, " ".join(PTB), " ".join(PTB)),
        (FRENCH, "L'homme qu’il n'aime pas, d'État.", "L' homme qu’ il n' aime pas , d' État ."),
        (TWEETS, "@anna, #sun! http://t.co/a.b :) :)", "@anna , #sun ! http://t.co/a.b :) :)"),
        (HYPHENS, "well-known -- part-time", "well - known - - part - time"),
        (BLANKS, "Berlin, (1989).", "Berlin, (1989)."),
        (["a", "b"], "Berlin, 1989", "Berlin , 1989"),
        (PTB, "  \t\n", ""),
    ],
)
def test_texts_are_cut_as_the_words_were(words: list[str], text: str, expected: str) -> None:
    assert cut(words, text) == expected.split()


@pytest.mark.parametrize("words", [PTB, FRENCH, TWEETS, HYPHENS, BLANKS])
def test_the_words_themselves_stay_whole(words: list[str]) -> None:
    cutting, counts = find_cutting(Counter(words)), Counter(words)
    assert "(100.0% of them stay whole)" in described(cutting, counts)
    assert Cutting.from_record(json.loads(json.dumps(cutting.record()))) == cutting
    assert (cutting == AT_BLANKS) == (words is BLANKS)


@pytest.mark.parametrize("text", [" Zoë’s  naïve 👍🏽, «café» ❤️\u2028 x.", "a\u0301,b\u00a0c", "𝔘𝔫, (ﬁ) ß's"])
@pytest.mark.parametrize("words", [PTB, BLANKS])
def test_positions_count_code_points(words: list[str], text: str) -> None:
    found = find_cutting(Counter(words)).words(text)
    assert [text[it.start : it.end] for it in found] == [it.word for it in found]
    covered = {n for it in found for n in range(it.start, it.end)}
    assert sum(it.end - it.start for it in found) == len(covered)
    assert all(text[n].isspace() for n in set(range(len(text))) - covered)
    assert {it.word for it in found} >= {it for it in ("👍🏽", "❤️") if words is PTB and it in text}


def test_typographic_marks_are_read_as_plain_ones_where_only_these_are_known() -> None:
    assert [plain(it, Vocabulary(list("n't-"))) for it in ("n’t", "“", "–", "n't")] == ["n't", "“", "-", "n't"]
    assert plain("n’t", Vocabulary(list("n't’"))) == "n’t"


@pytest.mark.parametrize("record", [{"whole": ["a"]}, {name: [""] for name in find_cutting({}).record()}])
def test_an_altered_record_is_refused(record: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match="should hold lists of texts"):
        Cutting.from_record(record)
