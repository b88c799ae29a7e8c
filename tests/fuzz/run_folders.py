"""Small run folders of every task, all that is done with a run, and altered copies of a run's files."""

import dataclasses
import io
import json
import random
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from tests.fuzz.mutate import mutated
from tests.train import task_runs

from tidegate.data import columns
from tidegate.errors import ArgumentError, TidegateError
from tidegate.io.files import write_json
from tidegate.io.tensor_files import KEY, digest
from tidegate.lens.hidden_units.kept_findings import kept_findings
from tidegate.lens.highlights import highlights, kept_highlights
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.session.session import Session
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.lens.tasks import ExampleLook, TextLook, task_look
from tidegate.lens.tasks.units.kept_unit_findings import kept_unit_findings
from tidegate.serve.screens.training import training as training_screen
from tidegate.text import prepare_corpus
from tidegate.text.config import LanguageModelConfig
from tidegate.text.generation import generate
from tidegate.train import Run, TrainConfig, load_run, new_run, resume, train
from tidegate.train.listing.metrics_table import write_csv
from tidegate.train.listing.run_list import summarise
from tidegate.train.task import EvaluationOptions
from tidegate.train.trackers import tracked as trackers

STEPS = 4
SETTINGS: dict[str, Any] = {"steps": STEPS, "warmup_steps": 2, "validate_every": 2, "checkpoint_every": 2}
TOKENIZERS: dict[str, dict[str, Any]] = {
    "characters": {},
    "bytes": {"tokenizer": "bytes"},
    "bpe": {"tokenizer": "bpe", "vocabulary_size": 262},
    "words": {"tokenizer": "words", "word_pattern": r"\w+|[^\w\s]", "vocabulary_size": 6},
}
KINDS = (*TOKENIZERS, *task_runs.TASKS)


def make_run(kind: str, folder: Path) -> Path:
    """Train a small run: a language model with some tokenizer, or another task."""
    if kind not in TOKENIZERS:
        task_runs.run(kind, folder, device="cpu", report_every=1, **SETTINGS)
        run = load_run(folder)
        if task_look(run) is not None:
            with ExampleSession(run) as session:
                highlights(session)
        return folder
    text = folder.parent / "text.txt"
    text.write_text("the tide goes out and the tide comes in. " * 60)
    corpus = new_run(folder, lambda to: prepare_corpus(text, to, **TOKENIZERS[kind]))
    model = LanguageModelConfig(corpus.tokenizer.vocabulary_size, hidden_size=6)
    train(folder, corpus, model, TrainConfig(batch_size=4, k1=10, device="cpu", report_every=1, **SETTINGS))
    _keep(load_run(folder))
    if kind == "characters":  # once is enough: it does not depend on the task
        write_json(folder / trackers.NAME, {"format": trackers.KIND, "version": trackers.VERSION, "trackers": {}})
    return folder


def _keep(run: Run) -> None:
    # Of subwords and words there is too little held-out text.
    with suppress(ArgumentError), TextSession([run], held_out_text(run, 50)) as session:
        highlights(session)


def use(folder: Path) -> None:
    """Do with a run what the command line does, each thing whether or not the others are refused.

    Raises:
        TidegateError: the first refusal.
    """
    torch.set_num_threads(1)
    refused: list[TidegateError] = []
    try:
        run = load_run(folder)
    except TidegateError as error:
        refused.append(error)
    else:
        for verb in (_evaluate, _write, _look, _training):
            _attempt(lambda verb=verb: verb(run), refused)
    _attempt(lambda: _resume(folder), refused)
    _attempt(lambda: _listed(folder), refused)
    if refused:
        raise refused[0]


def _attempt(act: Callable[[], object], refused: list[TidegateError]) -> None:
    try:
        act()
    except TidegateError as error:
        refused.append(error)


def _evaluate(run: Run) -> None:
    run.task.evaluate(run, [], EvaluationOptions(model=run.config.model, limit=None))


def _write(run: Run) -> None:
    if run.config.task == "lm":
        list(generate(run.model, run.tokenizer, "", length=3, seed=0))


def _look(run: Run) -> None:
    look = task_look(run)
    if isinstance(look, TextLook):
        with TextSession([run], held_out_text(run, 50)):
            kept_findings(run)
            kept_highlights(run)
    elif isinstance(look, ExampleLook):
        with ExampleSession(run) as session:
            session.look()
            kept_unit_findings(run)
            kept_highlights(run)


def _training(run: Run) -> None:
    with Session([run]) as session:
        training_screen(session)


def _listed(folder: Path) -> None:
    json.dumps(dataclasses.asdict(summarise(folder)), default=str)
    write_csv([folder], io.StringIO())


def _resume(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as beside:
        copy = Path(shutil.copytree(folder, Path(beside, "run")))
        resume(copy, steps=STEPS + 1)


def altered(whole: bytes, name: str, seed: int) -> bytes:
    """Return an altered copy of a run's file: its bytes, or what it says, written again as it should be."""
    draw = random.Random(seed)
    if draw.random() < 0.4:
        return mutated(whole, seed)
    if name.endswith(".json"):
        return json.dumps(_altered_json(json.loads(whole), draw)).encode()
    if name.endswith(".jsonl"):
        lines = [json.loads(line) for line in whole.splitlines()]
        lines[draw.randrange(len(lines))] = _altered_json(draw.choice(lines), draw)
        return "".join(json.dumps(line) + "\n" for line in lines).encode()
    if name.endswith(".npy"):
        file = io.BytesIO()
        np.save(file, _altered_array(np.load(io.BytesIO(whole)), draw), allow_pickle=False)
        return file.getvalue()
    return _altered_tensors(whole, draw)


def fit_digest(folder: Path) -> None:
    """Write the digest that altered examples have, as one who alters them on purpose would."""
    path = folder / columns.FILE
    if not path.exists():
        return
    try:
        record = json.loads(path.read_bytes())
        record["digest"] = columns._digest(folder / columns.FOLDER, record["facts"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return  # altered so far that there is none
    path.write_text(json.dumps(record))


ODD: tuple[Any, ...] = (None, True, False, 0, -1, 1, 2, 10**6, 2**31, 2**63, 10**30, -0.5, 1e308, float("nan"))
ODD += (float("inf"), "", "lm", "\ud800", "x" * 300, [], [0], ["a"], [[]], {}, {"a": 0})


def _altered_json(value: Any, draw: random.Random) -> Any:
    """Change one entry somewhere in a JSON value."""
    if isinstance(value, dict | list) and value and draw.random() < 0.9:
        what, key = draw.random(), draw.choice(list(value) if isinstance(value, dict) else range(len(value)))
        if what < 0.1:
            del value[key]
        elif what < 0.2 and isinstance(value, list):
            value.insert(0, draw.choice(value))
        elif what < 0.2 and isinstance(value, dict):
            value[str(draw.choice(ODD))] = draw.choice(ODD)
        else:
            value[key] = _altered_json(value[key], draw)
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and draw.random() < 0.4:
        return draw.choice((value + 1, value - 1, -value, value * 1000, value / 3))
    return draw.choice(ODD)


def _altered_array(array: np.ndarray, draw: random.Random) -> np.ndarray:
    what = draw.randrange(7)
    if what == 0:
        return array.astype(draw.choice(("u1", "i8", "f4", "f8", "c8", "U3", "?", ">i4")))
    if what == 1:
        return array.reshape(draw.choice(((1, *array.shape), (-1, 1), (*array.shape, 1))))
    if what == 2:
        return array[: draw.randint(0, len(array))] if array.ndim else array
    if what == 3:
        return np.concatenate([array, array]) if array.ndim else array
    found = array.copy()
    if found.size:
        with np.errstate(all="ignore"):
            odd = draw.choice((0, -1, 1, 255, 10**6, 2**31, 2**63 - 1, 1e300, float("nan"), float("-inf")))
            for _ in range(draw.choice((1, 1, 20))):
                found.flat[draw.randrange(found.size)] = np.array(odd).astype(found.dtype, casting="unsafe")
    return found


def _altered_tensors(whole: bytes, draw: random.Random) -> bytes:
    """Change the record or a tensor of a safetensors file, with the right digest."""
    length = int.from_bytes(whole[:8], "little")
    record, tensors = json.loads(json.loads(whole[8 : 8 + length])["__metadata__"][KEY]), load(whole)
    del record["digest"]
    if draw.random() < 0.6:
        record = _altered_json(record, draw)
    else:
        name = draw.choice(sorted(tensors))
        what, tensor = draw.randrange(5), tensors[name]
        if what == 0:
            tensors[draw.choice(("", "x", name + ".x"))] = tensors.pop(name)
        elif what == 1:
            tensors[name] = tensor.to(draw.choice((torch.float64, torch.int64, torch.bool, torch.bfloat16)))
        elif what == 2:
            tensors[name] = tensor.reshape(-1)[: draw.randint(0, tensor.numel())].clone()
        else:
            tensors[name] = torch.full_like(
                tensor,
                draw.choice((float("nan"), float("inf"), -1.0, 3e38))
                if tensor.is_floating_point()
                else draw.choice((-1, 2**62)),
            )
    return save(
        tensors, {KEY: json.dumps(record | {"digest": digest(tensors, record)} if isinstance(record, dict) else record)}
    )
