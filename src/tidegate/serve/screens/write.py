"""Write: the model goes on from a prompt, with the values of one unit while it does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.errors import ArgumentError
from tidegate.lens.record.writing import write as written
from tidegate.lens.session.text_session import Looking
from tidegate.serve.screens.screen import Screen, rounded
from tidegate.text.corpus.memorization import copied_stretches
from tidegate.text.sampling import Sampling

LONGEST = 20_000
COPIED = 20  # units of the shortest stretch that is called a copy
RECENT = 4_000  # units at the end of a text in which copies are looked for


def write(
    looking: Looking,
    name: str,
    prompt: str = "",
    length: int = 400,
    temperature: float = 0.8,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    layer: int = 0,
    unit: int = 0,
) -> Iterator[Any]:
    """Piece by piece: what is written, its surprise in nats, the five likeliest, and a unit's value after it."""
    if not 0 <= length <= LONGEST:
        raise ArgumentError(f"{length:,} units were asked for: give 0 to {LONGEST:,}")
    run = looking.run
    if not (0 <= layer < run.config.model.num_layers and 0 <= unit < run.config.model.hidden_size):
        raise ArgumentError(f"there is no unit {unit} in a layer {layer}")
    sampling = Sampling(temperature, top_k, top_p)
    for it in written(run.model, run.tokenizer, prompt, length=length, sampling=sampling, seed=seed, names=(name,)):
        guesses = [[run.tokenizer.token_text(guess), rounded(p, 3)] for guess, p in it.guesses]
        value = rounded(float(it.values[layer, 0][name][unit]))
        yield {"text": it.text, "nats": rounded(-it.log_p, 3), "value": value, "guesses": guesses}


def copies(looking: Looking, written: str) -> dict[str, Any]:
    """Which characters of a text that was written belong to stretches that stand verbatim in the training text."""
    if not written:
        return {"length": COPIED, "stretches": []}
    tokenizer, training = looking.run.tokenizer, looking.run.open_data().train
    ids = tokenizer.encode(written)[-RECENT:]
    covered = copied_stretches(ids, training, COPIED)
    marks = [False] * (len(written) - len(tokenizer.decode(ids)))
    decoder = tokenizer.decoder()
    for unit, copied in zip(ids.tolist(), covered.tolist(), strict=True):
        marks += [copied] * len(decoder.push(unit))
    edges = [n for n in range(len(marks)) if marks[n] != (n > 0 and marks[n - 1])]
    edges += [len(marks)] if len(edges) % 2 else []
    return {"length": COPIED, "stretches": list(zip(edges[::2], edges[1::2], strict=True))}


WRITE = Screen("write", "Write", {"copies": copies}, {"write": write})
