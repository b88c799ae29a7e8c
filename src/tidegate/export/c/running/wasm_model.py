"""A model in WebAssembly: what it exports, and its outputs in node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from tidegate.errors import BackendError
from tidegate.export.c.interface.sampling_code import predicts_tokens
from tidegate.export.c.model_code import ModelCode

PROGRAM = """\
const { load } = await import(process.argv[1]);
const model = await load();
const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const inputs = JSON.parse(Buffer.concat(chunks));
const y = model.run ? model.run(...inputs) : model.block(...inputs);
process.stdout.write(JSON.stringify(Array.from(y, (it) => Number.isFinite(it) ? it : null)));
"""


def exported_functions(code: ModelCode) -> list[str]:
    """Return the names of the functions of the C code that JavaScript calls."""
    if code.graph.reads_backwards:
        own = ["room", "run"]
    else:
        own = ["reset", "step", "block", "state_size", "saved_size", "save_state", "load_state"]
        own += ["sample"] if predicts_tokens(code.graph) else []
    return [f"{code.name}_{it}" for it in ("embedded", "inputs", "outputs", *own)]


def run_in_node(node: str, code: ModelCode, folder: Path, inputs: Sequence[Tensor]) -> Tensor:
    """Return the outputs (T, outputs) of a sequence for each input, from its beginning.

    Args:
        node: the program.
        code: the model.
        folder: where NAME.js and NAME.wasm are.
        inputs: tokens (T,) or frames (T, size).

    Raises:
        BackendError: node ends with an error.
    """
    command = [node, "--input-type=module", "--eval", PROGRAM, (folder / f"{code.name}.js").absolute().as_uri()]
    given = json.dumps([it.flatten().tolist() for it in inputs])
    ended = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise BackendError(f"node cannot run {code.name}.wasm:\n{ended.stderr.strip()}")
    numbers = [float("nan") if it is None else it for it in json.loads(ended.stdout)]
    return torch.tensor(numbers).unflatten(0, (-1, code.outputs))
