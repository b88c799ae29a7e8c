"""Writing with models small enough to know what they must write."""

import itertools
import tracemalloc
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tidegate.errors import ArgumentError, UnknownTokenError
from tidegate.nn import round_to_int8_
from tidegate.text import LanguageModel, LanguageModelConfig
from tidegate.text.generation import PROMPT_CHUNK, Piece, copied, generate
from tidegate.text.tokenizers.bytes import ByteTokenizer
from tidegate.text.tokenizers.characters import CharacterTokenizer

LETTERS = CharacterTokenizer("abcdefghijklmnopqrstuvwxyz")


class Chain(nn.Module):
    """A Markov chain: the next unit depends on the last alone. The state counts the units read."""

    def __init__(self, probabilities: Tensor) -> None:
        super().__init__()
        self.logits = nn.Parameter(probabilities.log())
        self.dropout = nn.Dropout(0.5)
        self.calls: list[tuple[int, ...]] = []
        self.inference: list[bool] = []

    def forward(self, ids: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        self.calls.append(tuple(ids.shape))
        self.inference.append(torch.is_inference_mode_enabled())
        assert not self.training
        read = torch.zeros(len(ids)) if state is None else state
        return self.logits[ids], read + ids.shape[1]


def successor(size: int = 26) -> Chain:
    """Always writes the next unit, around the end."""
    return Chain(torch.eye(size).roll(1, dims=1))


def uniform(size: int = 26) -> Chain:
    return Chain(torch.full((size, size), 1 / size))


class Clock(nn.Module):
    """Writes the letter whose number is how many tokens it has read: only a carried state can know."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(26))

    def forward(self, ids: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        start = torch.zeros(len(ids), dtype=torch.int64) if state is None else state
        seen = start[:, None] + torch.arange(1, ids.shape[1] + 1)
        return self.weight[seen % 26].log(), seen[:, -1]


class Speller(nn.Module):
    """Writes given bytes one after the other, whatever it reads."""

    def __init__(self, text: bytes) -> None:
        super().__init__()
        self.text = nn.Parameter(torch.eye(256)[list(text)])

    def forward(self, ids: Tensor, state: int | None = None) -> tuple[Tensor, int]:
        at = 0 if state is None else state
        return self.text[at % len(self.text)].log().expand(*ids.shape, 256), at + 1


def written(*args, **kwargs) -> str:
    return "".join(piece.text for piece in generate(*args, **kwargs))


def test_it_goes_on_from_the_prompt_which_is_not_repeated():
    assert written(successor(), LETTERS, "abc", length=5) == "defgh"


def test_the_state_is_carried():
    assert written(Clock(), LETTERS, "zzz", length=4) == "defg"


def test_a_long_prompt_is_read_in_chunks_with_the_state_carried():
    prompt = "z" * (2 * PROMPT_CHUNK + 4)  # 516 = 19 * 26 + 22
    assert written(Clock(), LETTERS, prompt, length=3) == "wxy"
    model = successor()
    assert written(model, LETTERS, prompt, length=1) == "a"
    assert [shape[1] for shape in model.calls] == [PROMPT_CHUNK, PROMPT_CHUNK, 4]


def test_only_new_units_are_read_after_the_prompt():
    model = successor()
    written(model, LETTERS, "abc", length=4)
    assert model.calls == [(1, 3), (1, 1), (1, 1), (1, 1)]


def test_pieces_come_as_they_are_written():
    model = successor()
    pieces = generate(model, LETTERS, "a", length=None)
    assert [next(pieces) for _ in range(3)] == [Piece(0, "b"), Piece(0, "c"), Piece(0, "d")]
    assert len(model.calls) == 3


def test_length_zero_writes_nothing():
    assert written(successor(), LETTERS, "a", length=0) == ""


def test_an_empty_prompt_starts_after_a_newline_where_there_is_one():
    assert written(successor(3), CharacterTokenizer("a\nb"), "", length=2) == "ba"
    # ... and after the first unit where there is none: the successor of "a" is "b".
    assert written(successor(), LETTERS, "", length=2) == "bc"


def test_unknown_characters_of_the_prompt_follow_the_policy():
    with pytest.raises(UnknownTokenError, match=r"U\+00E9"):
        generate(successor(), LETTERS, "aé", length=1)
    with pytest.warns(UserWarning, match=r"The prompt has 1 unknown character dropped: 'é' U\+00E9"):
        assert written(successor(3), CharacterTokenizer("abc", unknown="drop"), "aé", length=1) == "b"
    with pytest.warns(UserWarning, match=r"replaced by U\+FFFD: 'é' U\+00E9"):
        assert written(successor(3), CharacterTokenizer("a\ufffdb", unknown="replace"), "é", length=1) == "b"


def test_a_prompt_that_is_dropped_whole_is_an_empty_prompt():
    with pytest.warns(UserWarning, match="dropped"):
        assert written(successor(3), CharacterTokenizer("a\nb", unknown="drop"), "éé", length=1) == "b"


def test_the_same_seed_writes_the_same_text_and_another_does_not():
    texts = [written(uniform(), LETTERS, "a", length=40, seed=seed) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    fresh = [written(uniform(), LETTERS, "a", length=40) for _ in range(2)]
    assert fresh[0] != fresh[1]


def by_text(pieces) -> dict[int, str]:
    texts: dict[int, str] = {}
    for index, text in pieces:
        texts[index] = texts.get(index, "") + text
    return texts


def test_a_text_does_not_depend_on_how_many_are_written_beside_it():
    one = by_text(generate(uniform(), LETTERS, "a", length=40, seed=7))
    three = by_text(generate(uniform(), LETTERS, "a", length=40, seed=7, count=3))
    assert one[0] == three[0]
    assert len(set(three.values())) == 3


def test_neighbouring_seeds_share_no_text():
    texts = [by_text(generate(uniform(), LETTERS, "a", length=40, seed=seed, count=3)) for seed in (0, 1)]
    assert not set(texts[0].values()) & set(texts[1].values())


def test_many_texts_are_one_batch():
    model = successor()
    pieces = list(generate(model, LETTERS, "ab", length=2, count=3))
    assert pieces == [Piece(i, letter) for letter in "cd" for i in range(3)]
    assert model.calls == [(3, 2), (3, 1)]


def test_greedy_takes_the_most_likely():
    chain = Chain(torch.tensor([[0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.5, 0.2, 0.3]]))
    assert written(chain, CharacterTokenizer("abc"), "a", length=6, temperature=0) == "bcabca"


def test_filters_reach_the_draw():
    chain = Chain(torch.tensor([[0.6, 0.4], [0.6, 0.4]]))
    assert "b" in written(chain, CharacterTokenizer("ab"), "a", length=50, seed=0)
    for setting in ({"top_k": 1}, {"top_p": 0.5}, {"min_p": 0.9}):
        assert written(chain, CharacterTokenizer("ab"), "a", length=50, seed=0, **setting) == "a" * 50


def test_writing_ends_before_the_stop_string():
    assert written(successor(), LETTERS, "a", length=20, stop="efg") == "bcd"
    assert written(successor(), LETTERS, "a", length=None, stop="efg") == "bcd"


def test_a_possible_beginning_of_the_stop_string_is_held_back_and_then_released():
    pieces = [piece.text for piece in generate(successor(), LETTERS, "a", length=5, stop="cdX")]
    assert pieces == ["b", "cde", "f"]


def test_held_back_text_is_released_at_the_end():
    assert written(successor(), LETTERS, "a", length=3, stop="cdX") == "bcd"


def test_of_several_stop_strings_the_one_complete_first_counts():
    assert written(successor(), LETTERS, "a", length=20, stop=["bcdef", "cd"]) == "b"
    assert written(successor(), LETTERS, "a", length=20, stop=["cd", "bcd"]) == ""


def test_the_prompt_is_not_searched_for_the_stop_string():
    assert written(successor(), LETTERS, "abc", length=3, stop="abcd") == "def"


def test_a_stopped_text_is_silent_while_the_others_go_on():
    texts = by_text(generate(uniform(3), CharacterTokenizer("abc"), "a", length=60, stop="c", seed=3, count=4))
    assert all("c" not in text for text in texts.values())
    assert len({len(text) for text in texts.values()}) > 1


@settings(max_examples=100, deadline=None)
@given(
    text=st.text("ab\u1112\u1161", min_size=1, max_size=24),
    stops=st.lists(st.text("ab\u1112\u1161", min_size=1, max_size=5), max_size=3),
)
def test_stop_strings_in_a_byte_model_against_a_search_of_the_whole_text(text, stops):
    raw = text.encode()
    ends = [(text.find(stop) + len(stop), text.find(stop)) for stop in stops if stop in text]
    expected = text[: min(ends)[1]] if ends else text
    assert written(Speller(raw), ByteTokenizer(), "x", length=len(raw), stop=stops) == expected


def test_bytes_are_handed_out_as_whole_characters():
    pieces = [piece.text for piece in generate(Speller("한국".encode()), ByteTokenizer(), "x", length=6)]
    assert pieces == ["한", "국"]
    # Cut inside a character: what there is of it is shown as U+FFFD.
    assert written(Speller("한국".encode()), ByteTokenizer(), "x", length=5) == "한\ufffd"


def test_the_model_is_put_back_in_the_mode_it_was_in():
    for mode in (True, False):
        model = successor().train(mode)
        written(model, LETTERS, "a", length=3)
        assert model.training is mode
        assert model.dropout.training is mode
        pieces = generate(model, LETTERS, "a", length=None)
        next(pieces)
        pieces.close()
        assert model.training is mode


def test_inference_mode_does_not_leak_to_the_reader():
    model = successor()
    for _ in generate(model, LETTERS, "a", length=3):
        assert not torch.is_inference_mode_enabled()
        assert torch.is_grad_enabled()
    assert all(model.inference)


def test_endless_text_takes_constant_memory():
    model = Clock()
    pieces = generate(model, LETTERS, "a", length=None, stop="zzzz")
    for _ in itertools.islice(pieces, 200):
        pass
    tracemalloc.start()
    try:
        for _ in itertools.islice(pieces, 3000):
            pass
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 50_000


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"length": -1}, "length"),
        ({"count": 0}, "count"),
        ({"seed": -1}, "seed"),
        ({"stop": ""}, "stop string"),
        ({"stop": ["a", ""]}, "stop string"),
        ({"temperature": -1}, "temperature"),
        ({"top_p": 0}, "top_p"),
    ],
)
def test_bad_values_are_refused_before_anything_is_written(values, said):
    with pytest.raises(ArgumentError, match=said):
        generate(successor(), LETTERS, "a", **{"length": 1, **values})


def test_a_known_prompt_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert written(successor(), LETTERS, "abc", length=1) == "d"


def test_copied_finds_the_longest_verbatim_stretch():
    training = LETTERS.encode("thequickbrownfoxjumps").astype(np.uint8)
    found = copied(LETTERS, "xquickbrainbrownz", training)
    assert found == (7, "quickbr", 3)


def test_copied_of_something_else_is_nothing():
    training = LETTERS.encode("aaaa").astype(np.uint8)
    assert copied(LETTERS, "bbb", training)[:2] == (0, "")


def test_weights_in_int8_write_what_a_rounded_model_writes():
    torch.manual_seed(0)
    model = LanguageModel(LanguageModelConfig(26, hidden_size=24, num_layers=2))
    made = generate(model, LETTERS, "a", length=40, seed=1, weights="int8")
    found = "".join(piece.text for piece in made)
    as_they_are = "".join(piece.text for piece in generate(model, LETTERS, "a", length=40, seed=1))
    round_to_int8_(model)
    assert found == "".join(piece.text for piece in generate(model, LETTERS, "a", length=40, seed=1))
    assert len(found) == len(as_they_are) == 40


def test_weights_in_int8_need_a_model_that_steps():
    with pytest.raises(ArgumentError, match="Chain has none"):
        generate(successor(), LETTERS, "a", length=1, weights="int8")
