"""Models in WebAssembly, called from JavaScript in node, give what Python gives."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.export.c_programs import language_run, run_example, strictly_compiled
from torch import nn

import tidegate
from tidegate.errors import MissingDependencyError
from tidegate.export.c.model_folder import Options, write_folder
from tidegate.export.c.running import compilers
from tidegate.text.generation import generate
from tidegate.text.tokenizers.tokenizer import BPE, ByteTokenizer, CharacterTokenizer, WordTokenizer

NODE = shutil.which("node")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(NODE is None, reason="no node on this machine")]
WRITE = """
import { OUTPUTS, START, decoder, encode, load } from "./model.js";
const model = await load();
const [prompt, length, options] = JSON.parse(process.argv[2]);
model.seed = 3;
const ids = encode(prompt), decode = decoder(prompt);
let y = model.block(ids.length ? ids : [START]).slice(-OUTPUTS), text = "";
for (let n = 0; n < length; ++n) {
  const token = model.sample(y, options);
  text += decode(token);
  y = model.step(token);
}
console.log(JSON.stringify({ ids, text }));
"""
STATES = """
import { load, OUTPUTS } from "./model.js";
const model = await load(), other = await load();
const x = JSON.parse(process.argv[2]), same = (a, b) => a.length === b.length && a.every((it, n) => it === b[n]);
const whole = model.block(x);
model.reset();
model.block(x.slice(0, 15));
other.loadState(model.saveState());
const rest = other.block(x.slice(15));
const refused = [];
for (const wrong of [
  () => model.step([1, 2]), () => model.block([]), () => model.step(), () => model.step([1, 2, 3], 4),
  () => model.loadState(new Uint8Array(3)), () => model.loadState(other.saveState().fill(1, 0, 1)),
])
  try { wrong(); refused.push("nothing"); } catch (it) { refused.push(it.constructor.name + ": " + it.message); }
const steps = x.length / 3, y = [];
model.reset();
for (let n = 0; n < steps; ++n) y.push(...model.step(x.slice(3 * n, 3 * n + 3)));
console.log(JSON.stringify({ rest: same(rest, whole.slice(5 * OUTPUTS)), steps: same(y, whole), refused }));
"""


def in_node(program: str, folder: Path, given: Any) -> Any:
    (folder / "program.mjs").write_text(program)
    command = [str(NODE), "program.mjs", json.dumps(given)]
    ended = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    assert not ended.returncode, ended.stderr
    return json.loads(ended.stdout)


def as_wasm(model: Any, folder: Path) -> Path:
    """Write a model, which compares it with Python; skip if there is no compiler."""
    try:
        written = write_folder(model, folder, Options(target="wasm"))
    except MissingDependencyError as error:
        pytest.skip(str(error))
    assert written.compared is not None
    return written.folder


@pytest.mark.parametrize(
    ("tokenizer", "prompt"),
    [
        (CharacterTokenizer('ab"\\é?\n\ufffd', "replace"), "éb z"),
        (WordTokenizer(("<unk>", "<eos>", "the", "cat", '"', "é")), 'the dog\n"'),
        (WordTokenizer(("the", "cat", "sat"), "drop"), "the dog"),
        (ByteTokenizer(), "aé"),
        (BPE.train(["the cat sat on the é "] * 20, 262), ""),
    ],
    ids=lambda it: it.kind if hasattr(it, "kind") else "",
)
def test_a_language_model_writes_what_python_writes(tokenizer: Any, prompt: str, tmp_path: Path) -> None:
    run = language_run(tokenizer)
    folder = as_wasm(run, tmp_path / "web")
    found = in_node(WRITE, folder, [prompt, 20, {"temperature": 0}])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # unknown words
        assert found["ids"] == tokenizer.encode(prompt).tolist()
        expected = "".join(it.text for it in generate(run.model, tokenizer, prompt, length=20, temperature=0))
    assert found["text"].rstrip("\ufffd") == expected.rstrip("\ufffd")  # the last may not be complete
    assert len((folder / "example.html").read_text().splitlines()) <= 60
    if tokenizer.kind == "characters":
        drawn = in_node(WRITE, folder, ["a", 60, {"temperature": 0.8, "topK": 6, "topP": 0.95}])["text"]
        options = ("--temperature", "0.8", "--top-k", "6", "--top-p", "0.95", "--seed", "3", "--length", "60", "a")
        assert run_example(strictly_compiled(folder), *options).stdout == f"a{drawn}\n"
        assert "eval(" not in (folder / "model.js").read_text()
        with pytest.raises(AssertionError, match="RangeError: tokens has to be whole numbers from 0 to 7"):
            in_node('import { load } from "./model.js"; (await load()).step(8);', folder, 0)


def test_states_and_steps(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(tidegate.nn.LSTM(3, 19), nn.Linear(19, 4), nn.Softplus(), nn.LogSoftmax(-1))
    x = np.random.default_rng(0).normal(size=30).tolist()
    found = in_node(STATES, as_wasm(model, tmp_path / "web"), x)
    assert found["rest"]
    assert found["steps"]
    words = [
        "RangeError: x has 2 numbers, but 3 are read at every step",
        "RangeError: x has 0 numbers",
        "RangeError: There are 0 inputs, but should be 1",
        "RangeError: There are 2 inputs",
        "Error: The state cannot be loaded: its size is wrong",
        "Error: The state cannot be loaded: it is no saved state",
    ]
    assert all(re.match(it, said) for it, said in zip(words, found["refused"], strict=True)), found["refused"]


def test_a_model_that_reads_backwards_runs_whole_sequences(tmp_path: Path) -> None:
    folder = as_wasm(nn.Sequential(tidegate.nn.GRU(2, 9, bidirectional=True), nn.Linear(18, 3)), tmp_path / "web")
    program = 'import { load } from "./model.js"; console.log((await load()).run([1, 2, 3, 4]).length);'
    assert in_node(program, folder, 0) == 6


def test_clang_and_its_linker_suffice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compilers, "find_spec", lambda _: None)
    as_wasm(nn.Linear(2, 3), tmp_path / "web")


def test_without_node_it_is_not_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    as_wasm(nn.Linear(2, 3), tmp_path / "web")
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "node" else which(name))
    assert write_folder(nn.Linear(2, 3), tmp_path / "other", Options(target="wasm")).compared is None
