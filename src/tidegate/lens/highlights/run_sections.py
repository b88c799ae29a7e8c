"""Sections on a run of a language model as a whole: its loss, its memory, its mistakes, and what it writes."""

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from tidegate.cells import get_cell
from tidegate.errors import ArgumentError
from tidegate.lens.hidden_units.character_classes import members
from tidegate.lens.hidden_units.word_detectors import classes_of
from tidegate.lens.highlights.section import Bar, Bars, Link, Sample, Section, Sentence, Table
from tidegate.lens.memory.gradient_flow import gradient_flow
from tidegate.lens.memory.memory_time import memory_time
from tidegate.lens.record.reading import Reading
from tidegate.lens.record.writing import write
from tidegate.text.generation import copied
from tidegate.text.sampling import Sampling
from tidegate.train import Run

CONFUSIONS = 8  # rows of the table of mistakes
CONTEXT = 24  # characters before a mistake
LENGTH, TEMPERATURE, SEED = 400, 0.7, 0  # of the text that is written
GRADIENT_STEPS = 121


def run_section(run: Run) -> Section:
    """Return what the run is, and how good its predictions are."""
    config = run.config
    sizes = config.model.sizes
    units = f"{sizes[0]}" if len(set(sizes)) == 1 else " and ".join(map(str, sizes))
    layers = "one layer" if len(sizes) == 1 else f"{len(sizes)} layers"
    what = (
        f"A language model of {config.prediction_name}s: {layers} of {units} {config.model.cell} units, "
        f"trained for {run.step:,} steps."
    )
    if run.validation is None:
        return Section("run", "The run", (Sentence(f"{what} It was not validated.", lead=True),))
    return Section("run", "The run", (Sentence(f"{what} {_beside(run, run.validation)}", lead=True),))


def loss_section(run: Run, loss: float) -> Section:
    """Return a run's validation loss beside the baselines.

    Args:
        run: the run.
        loss: its validation loss.
    """
    config = run.config
    bars = sorted([*(Bar(name, float(f"{it:.5g}")) for name, it in config.baselines.items())], key=lambda it: -it.value)
    place = sum(it.value > loss for it in bars)
    bars.insert(place, Bar("this model", float(f"{loss:.5g}"), "own"))
    caption = f"Loss on the validation part ({config.split_kind}); lower is better"
    return Section(
        "loss",
        "Its loss beside n-gram models" if config.task == "lm" else "Its loss beside baselines",
        (Bars(caption, config.loss_name, tuple(bars)),),
        (Link("Training", "training"),),
    )


def _beside(run: Run, loss: float) -> str:
    """Say how good a loss is: as a number of equally likely tokens, beside the best baseline."""
    token = run.config.prediction_name
    said = (
        f"On held-out text its loss is {loss:.3f} nats: it is as unsure of the next {token} as among "
        f"{_ways(loss)} equally likely ones"
    )
    if not run.config.baselines:
        return f"{said}."
    name, best = min(run.config.baselines.items(), key=lambda it: it[1])
    verdict = "better than" if loss < best else "NOT better than"
    return f"{said}, {verdict} the best n-gram model ({name}: {best:.3f} nats, as among {_ways(best)})."


def _ways(loss: float) -> str:
    return f"{math.exp(min(loss, 50.0)):,.1f}"


def memory_section(run: Run, reading: Reading, ids: NDArray[np.int64]) -> Section:
    """Return after how many steps the states have lost half of their content, by their gates or by gradients."""
    token = run.config.prediction_name
    try:
        times = memory_time(reading.trace, get_cell(run.config.model.cell))
    except ArgumentError:  # no state keeps a share of itself, as in a simple recurrent network
        return _gradient_section(run, ids[:GRADIENT_STEPS])
    sentences, rows = [], []
    for ((layer, _), state), found in times.items():
        half = math.log(2) * found.steps
        middle, tenth, longest = (float(it) for it in (np.median(half), np.quantile(half, 0.9), half.max()))
        unit = int(half.argmax())
        sentences.append(
            Sentence(
                f"Half of the units of layer {layer} lose half of what is in {state} within {_steps(middle)} {token}s; "
                f"one in ten keeps half of it for {_steps(tenth)} or more, and unit {unit} for {_steps(longest)}."
            )
        )
        rows.append((f"{state} of layer {layer}", *map(_steps, (float(half.min()), middle, tenth, longest))))
    columns = ("state", "shortest", "median", "one in ten", "longest")
    caption = (
        f"Half-lives in {token}s: the steps after which half of a state's content is gone, from the geometric mean of "
        f"the gate that multiplies it, over {len(reading):,} held-out {token}s"
    )
    return Section(
        "memory",
        "How long it remembers",
        (*sentences, Table(caption, columns, tuple(rows))),
        (Link("Memory", "memory"),),
    )


def _steps(steps: float) -> str:
    if not math.isfinite(steps):
        return "ever"
    return f"{steps:.1f}" if steps < 10 else f"{steps:,.0f}"


def _gradient_section(run: Run, ids: NDArray[np.int64]) -> Section:
    token = run.config.prediction_name
    flow = gradient_flow(run.model, run.tokenizer, ids)
    said = [
        Sentence(
            f"The gradient of a prediction with respect to {name} of layer {layer} halves in the first "
            f"{_steps(flow.decay(layer, name).half_life)} {token}s back."
        )
        for layer, name in flow.norms
    ]
    return Section("memory", "How long it remembers", tuple(said), (Link("Memory", "memory"),))


def mistakes_section(run: Run, reading: Reading) -> Section:
    """Return which tokens cost most, and which are most often expected in place of others."""
    token = run.config.prediction_name
    wrong = reading.guesses[:, 0] != reading.ids
    nats = -reading.log_p.astype(np.float64)
    costs = []
    for name, kind in classes_of(run.tokenizer).items():
        own = members(kind, name, reading.pieces)
        if own.sum() >= 20:
            costs.append((float(nats[own].mean()), name, float(nats[own].sum() / nats.sum())))
    said = f"For {wrong.mean():.0%} of the {token}s it held another one to be likelier."
    if costs:
        hardest = max(costs)
        most = max(costs, key=lambda it: it[2])
        said += (
            f" The hardest are {hardest[1]} ({hardest[0]:.2f} nats each); most of the loss is from {most[1]} "
            f"({most[2]:.0%} of it)."
        )
    rows = _confusions(run, reading, wrong)
    caption = (
        f"The commonest of {int(wrong.sum()):,} mistakes on {len(reading):,} held-out {token}s, each with an example"
    )
    columns = ("came", "expected instead", "times", "for example, after", "with probability")
    return Section(
        "mistakes",
        "What it gets wrong",
        (Sentence(said), Table(caption, columns, tuple(rows), code=(0, 1, 3))),
        (Link("Errors", "errors"),),
    )


def _confusions(run: Run, reading: Reading, wrong: NDArray[np.bool_]) -> list[tuple[str | float, ...]]:
    pairs = Counter(zip(reading.ids[wrong].tolist(), reading.guesses[wrong, 0].tolist(), strict=True))
    rows: list[tuple[str | float, ...]] = []
    for (came, expected), times in sorted(pairs.items(), key=lambda it: (-it[1], it[0]))[:CONFUSIONS]:
        places = np.flatnonzero((reading.ids == came) & (reading.guesses[:, 0] == expected))
        at = int(places[reading.guessed[places, 0].argmax()])  # where it was surest
        before = "".join(reading.pieces[max(0, at - CONTEXT) : at])[-CONTEXT:]
        texts = (_text(run, it) for it in (came, expected))
        rows.append((*texts, times, before, round(float(reading.guessed[at, 0]), 3)))
    return rows


def _text(run: Run, token: int) -> str:
    return run.tokenizer.decode(np.array([token])) or run.tokenizer.token_text(token)


def sample_section(run: Run) -> Section:
    """Return a text that the model wrote, with a fixed seed, and the longest passage in it that is copied."""
    model, tokenizer = run.model, run.tokenizer
    pieces = write(model, tokenizer, length=LENGTH, sampling=Sampling(TEMPERATURE), seed=SEED, names=(), guesses=1)
    text = "".join(it.text for it in pieces)
    copy = copied(tokenizer, text, run.open_data().train)
    said = (
        f"{LENGTH} {tokenizer.name}s from an empty prompt (temperature {TEMPERATURE:g}, seed {SEED}). The longest "
        f"passage that is in the training text has {copy.tokens} {tokenizer.name}s."
    )
    return Section("sample", "What it writes", (Sample("", text), Sentence(said)), (Link("Write more", "write"),))
