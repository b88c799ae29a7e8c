"""Language models in C go on with a text as Python does, and draw from the tokens that it draws from."""

from __future__ import annotations

import ctypes
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.export.c_programs import as_library, language_run, needs_compiler, run_example, strictly_compiled

from tidegate import export
from tidegate.text.generation import generate
from tidegate.text.sampling import Sampling, filtered
from tidegate.text.tokenizers.tokenizer import BPE, ByteTokenizer, CharacterTokenizer, WordTokenizer

pytestmark = needs_compiler
TOKENIZERS: dict[str, Any] = {
    "characters": lambda: CharacterTokenizer('ab"\\é?%\n\ufffd', "replace"),
    "words": lambda: WordTokenizer(("<unk>", "<eos>", "the", "cat", '"', "é")),
    "dropped": lambda: WordTokenizer(("the", "cat", "sat"), "drop"),
    "bytes": ByteTokenizer,
    "bpe": lambda: BPE.train(["the cat sat on the é "] * 20, 262),
}
PROMPTS = {"characters": "éb z", "words": 'the dog "', "dropped": "the dog\n", "bytes": "é", "bpe": "the cat"}


@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind in ("characters", "words") else pytest.mark.slow) for kind in TOKENIZERS],
)
def test_the_example_goes_on_as_generate_does(kind: str, tmp_path: Path) -> None:
    run, prompt = language_run(TOKENIZERS[kind]()), PROMPTS[kind]
    folder = export.c(run, tmp_path / "code", embed=kind == "words", check=False)
    program = strictly_compiled(folder)
    given = " ".join(map(str, run.tokenizer.encode(prompt))) if kind == "bpe" else prompt
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # unknown words
        expected = "".join(it.text for it in generate(run.model, run.tokenizer, prompt, length=20, temperature=0))
        begun = "".join(it.text for it in generate(run.model, run.tokenizer, length=5, temperature=0))
    found = run_example(program, "--length", "20", given)
    assert found.stdout == prompt + expected + "\n"
    assert ("does not know" in found.stderr) == (kind in ("characters", "words", "dropped"))
    assert run_example(program, "--length", "5").stdout == begun + "\n"
    drawn = [run_example(program, "--temperature", "1", "--seed", seed).stdout for seed in ("1", "1", "2")]
    assert drawn[0] == drawn[1] != drawn[2]


def test_the_example_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    run = language_run(CharacterTokenizer("ab\n"))
    program = strictly_compiled(export.c(run, tmp_path / "code", check=False))
    weights = tmp_path / "code" / "model.bin"
    whole = weights.read_bytes()
    for arguments, words in {
        ("--top-p", "2"): "from 1e-09 to 1",
        ("--length",): "takes a number",
        ("--length", "1x"): "takes a number",
        ("--top-k", "3"): "give --temperature, too",
        ("--wrong",): "usage",
        ("a", "b"): "usage",
        ("az",): "does not know z",
    }.items():
        refused = run_example(program, *arguments)
        assert refused.returncode == 2
        assert words in refused.stderr
    for altered in (whole[:-1], whole + b"x", b"", whole[:20] + b"x" + whole[21:], b"x" + whole[1:]):
        weights.write_bytes(altered)
        refused = run_example(program, "a")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert "does not hold the weights of this model" in refused.stderr
    weights.unlink()
    assert "cannot be read" in run_example(program, "a").stderr


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The code of a model of nine tokens."""
    run = language_run(CharacterTokenizer("abcdefghi"))
    return as_library(export.c(run, tmp_path_factory.mktemp("sampling") / "code", check=False))


def sample(library: Any, logits: Any, sampling: Sampling, seed: int) -> tuple[int, Any, int]:
    """Return the token, what is left in the outputs, and the next seed."""
    y, state = np.array(logits, np.float32), ctypes.c_uint64(seed)
    token = library.model_sample(
        y.ctypes.data_as(ctypes.c_void_p), ctypes.c_float(sampling.temperature), sampling.top_k or 0,
        ctypes.c_float(1.0 if sampling.top_p is None else sampling.top_p), ctypes.c_float(sampling.min_p or 0.0),
        ctypes.byref(state),
    )  # fmt: skip
    return token, y, state.value


def uniform(seed: int) -> Iterator[float]:
    """SplitMix64 as Steele, Lea & Flood 2014 give it, in Python's whole numbers."""
    mask = 2**64 - 1
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        z = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        yield ((z ^ (z >> 31)) >> 11) / 2**53


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(0.3),
        Sampling(1e-30),
        Sampling(2.0, top_k=1),
        Sampling(2.0, top_k=4),
        Sampling(1.0, top_p=0.6),
        Sampling(1.0, top_p=1e-6),
        Sampling(1.0, min_p=0.2),
        Sampling(1.0, min_p=1.0),
        Sampling(1.3, top_k=6, top_p=0.8, min_p=0.1),
    ],
    ids=str,
)
def test_tokens_are_drawn_as_in_python(library: Any, sampling: Sampling) -> None:
    generator, numbers, seed = np.random.default_rng(3), uniform(7), 7
    for n in range(60):
        logits = generator.normal(size=9).astype(np.float32) * 3
        if n % 3 == 0:
            logits = np.round(logits)  # several are equal
        if n % 4 == 0:
            logits[2] = -np.inf
        expected = filtered(torch.from_numpy(logits[None]).double(), sampling).softmax(-1)[0].numpy()
        token, left, seed = sample(library, logits, sampling, seed)
        np.testing.assert_allclose(left / left.sum(), expected, rtol=1e-5, atol=1e-30)
        drawn = next(numbers)
        bounds = np.cumsum(expected)
        assert bounds[token] + 1e-6 > drawn > bounds[token] - expected[token] - 1e-6
        assert expected[token] > 0


def test_the_likeliest_token_is_the_first_of_equal_ones(library: Any) -> None:
    token, left, _ = sample(library, [0, 3, 1, 3, 2, 0, 0, 0, 0], Sampling(0.0), 1)
    assert token == 1
    assert left.tolist() == [0, 3, 1, 3, 2, 0, 0, 0, 0]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_nothing_is_drawn_from_what_is_not_a_number(library: Any, wrong: float) -> None:
    logits = np.full(9, wrong) if wrong < 0 else np.array([0.0] * 8 + [wrong])
    assert sample(library, logits, Sampling(), 1)[0] == -1
    options = ctypes.c_float(-1.0), 0, ctypes.c_float(1.0), ctypes.c_float(0.0)
    y = (ctypes.c_float * 9)()
    assert library.model_sample(y, *options, ctypes.byref(ctypes.c_uint64(1))) == -1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
def test_the_header_is_read_by_cpp(tmp_path: Path) -> None:
    import subprocess

    folder = export.c(language_run(CharacterTokenizer("ab\n")), tmp_path / "code", embed=True, check=False)
    (folder / "main.cpp").write_text(
        '#include "model.h"\nint main() { model_model m; model_embedded(&m); return model_outputs() == 3 ? 0 : 1; }\n'
    )
    for line in (
        "cc -std=c11 -c model.c model_weights.c",
        "g++ -o main main.cpp model.o model_weights.o -lm",
        "./main",
    ):
        subprocess.run(line.split(), cwd=folder, check=True, capture_output=True)
