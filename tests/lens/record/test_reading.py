"""A text as a model read it, against the model itself; and what it writes while it is watched."""

import numpy as np
import pytest
import torch

from tidegate.errors import ArgumentError, UnknownTokenError
from tidegate.lens import read, write
from tidegate.lens.record.trace import CHUNK
from tidegate.text import ByteTokenizer, CharacterTokenizer
from tidegate.text.evaluation import evaluate
from tidegate.text.generation import generate
from tidegate.text.model import LanguageModel, LanguageModelConfig
from tidegate.text.sampling import Sampling

LETTERS = "abcd efg\n"


def model_of(tokenizer, **options) -> LanguageModel:
    torch.manual_seed(0)
    made = LanguageModel(LanguageModelConfig(tokenizer.vocabulary_size, **{"hidden_size": 9, **options}))
    with torch.no_grad():
        made.output.weight.mul_(4)  # guesses that are not all alike
    return made.eval()


def text_of(length: int) -> str:
    return "".join(np.random.default_rng(3).choice(list(LETTERS), length))


TOKENIZER = CharacterTokenizer(LETTERS)


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "cell": "gru"}, {"embedding_size": 4, "cell": "rnn_tanh"}])
@pytest.mark.parametrize("length", [1, 7, CHUNK + 9])
def test_surprise_and_guesses_are_the_models(options, length):
    model, text = model_of(TOKENIZER, **options), text_of(length)
    reading = read(model, TOKENIZER, text)
    ids = torch.from_numpy(TOKENIZER.encode("\n" + text))[None]  # it begins as if after a newline
    expected = model(ids)[0][0, :-1].log_softmax(-1).detach()
    assert (reading.text, len(reading), "".join(reading.pieces)) == (text, length, text)
    np.testing.assert_allclose(reading.log_p, expected[range(length), ids[0, 1:]], atol=2e-5)
    np.testing.assert_allclose(reading.guessed, expected.topk(5).values.exp(), atol=2e-5)
    assert (reading.guessed[:, 0] + 1e-6 >= reading.guessed.max(1)).all()
    chosen = expected.gather(1, torch.from_numpy(reading.guesses)).exp()
    np.testing.assert_allclose(chosen, reading.guessed, atol=2e-5)


def test_loss_is_that_of_evaluation():
    model, text = model_of(TOKENIZER), text_of(500)
    assert read(model, TOKENIZER, text).loss == pytest.approx(
        evaluate(model, TOKENIZER.encode("\n" + text)).loss, abs=1e-5
    )


def test_values_are_those_after_each_token():
    model, text = model_of(TOKENIZER, num_layers=2), text_of(30)
    reading = read(model, TOKENIZER, text)
    for n in (0, 12, 29):
        _, (h, c) = model(torch.from_numpy(TOKENIZER.encode("\n" + text[: n + 1]))[None])
        for layer in (0, 1):
            np.testing.assert_allclose(reading.trace[layer, 0]["h"][n], h[layer, 0].detach(), atol=1e-6)
            np.testing.assert_allclose(reading.trace[layer, 0]["c"][n], c[layer, 0].detach(), atol=1e-6)
    assert list(reading.trace.labels) == list(text)


def test_recording_can_be_off(tmp_path):
    model, text = model_of(TOKENIZER), text_of(20)
    bare, whole = read(model, TOKENIZER, text, names=()), read(model, TOKENIZER, text, folder=tmp_path)
    np.testing.assert_array_equal(bare.log_p, whole.log_p)
    assert isinstance(whole.trace[0, 0]["c"], np.memmap)
    assert (len(bare.trace), bare.trace.names, "".join(bare.trace.labels)) == (20, (), text)
    apart = read(model, TOKENIZER, text, names=(), folder=tmp_path / "none")
    assert (len(apart.trace), apart.trace.names) == (20, ())


def test_a_small_vocabulary_has_few_guesses():
    tokenizer = CharacterTokenizer("a\n")
    reading = read(model_of(tokenizer), tokenizer, "aa\naaaa")
    assert reading.guesses.shape == reading.guessed.shape == (7, 2)


@pytest.mark.parametrize("training", [True, False])
def test_writing_leaves_the_model_in_the_mode_it_was_in(training):
    model = model_of(TOKENIZER, dropout=0.5).train(training)
    pieces = write(model, TOKENIZER, "ab", length=7, seed=0, names=())
    first = next(pieces)
    assert not model.training
    assert len([first, *pieces]) == 7
    assert model.training is training
    early = write(model, TOKENIZER, "ab", length=None, seed=0, names=())
    assert next(early) == first
    early.close()
    assert model.training is training
    with pytest.raises(ArgumentError, match="'q'"):
        next(write(model, TOKENIZER, "ab", length=7, names="q"))
    assert all(it.training is training for it in model.modules())


def test_bytes_of_a_character_stand_at_its_last():
    tokenizer = ByteTokenizer()
    reading = read(model_of(tokenizer), tokenizer, "한a")
    assert reading.pieces == ("", "", "한", "a")


def test_unknown_characters_follow_the_policy():
    with pytest.raises(UnknownTokenError):
        read(model_of(TOKENIZER), TOKENIZER, "a字")
    tokenizer = CharacterTokenizer(LETTERS + "\ufffd", "replace")
    reading = read(model_of(tokenizer), tokenizer, "a字字b")
    assert (reading.text, dict(reading.unknown)) == ("a\ufffd\ufffdb", {"字": 2})
    with pytest.raises(ArgumentError, match="nothing to read"):
        read(model_of(TOKENIZER), TOKENIZER, "")


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_write_writes_what_generate_writes(cell):
    model = model_of(TOKENIZER, cell=cell, num_layers=2)
    pieces = list(write(model, TOKENIZER, "ab", length=60, sampling=Sampling(0.9, top_k=6), seed=7))
    text = "".join(it.text for it in pieces)
    assert text == "".join(
        it.text for it in generate(model, TOKENIZER, "ab", length=60, temperature=0.9, top_k=6, seed=7)
    )
    reading = read(model, TOKENIZER, "ab" + text)
    ids = torch.from_numpy(TOKENIZER.encode("ab" + text))[None]
    expected = model(ids)[0][0].log_softmax(-1).detach()
    for n, it in enumerate(pieces):
        assert it.log_p == pytest.approx(float(expected[n + 1, it.token]), abs=2e-5)
        assert it.guesses[0][1] == pytest.approx(float(expected[n + 1].exp().max()), abs=2e-5)
        assert [p for _, p in it.guesses] == sorted((p for _, p in it.guesses), reverse=True)
    known = model.recurrent.trace(model.embed(ids.t())).values
    for at, kept in pieces[-1].values.items():
        for name, value in kept.items():
            np.testing.assert_allclose(value, known[at][name][-1, 0].detach(), atol=1e-5)
    assert len(reading) == 62


def test_invalid_arguments_of_write_raise():
    with pytest.raises(ArgumentError, match="length is -1"):
        write(model_of(TOKENIZER), TOKENIZER, length=-1)
    with pytest.raises(ArgumentError, match="has no 'x'"):
        next(write(model_of(TOKENIZER), TOKENIZER, length=1, names=["x"]))
    assert list(write(model_of(TOKENIZER), TOKENIZER, length=0)) == []
