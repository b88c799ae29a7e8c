"""Write: the model continues a prompt, with the values of one hidden unit meanwhile."""

from collections.abc import Iterator
from typing import Any

from tidegate.errors import ArgumentError
from tidegate.lens.record.writing import write as written
from tidegate.lens.session.text_session import TextSession
from tidegate.serve.screens.screen import Screen, rounded, token_string
from tidegate.text.corpus.memorization import copied_stretches
from tidegate.text.sampling import Sampling

MAX_LENGTH = 20_000
COPIED = 20  # tokens of the shortest stretch that counts as a copy
RECENT = 4_000  # tokens at the end of a text in which copies are searched


def write(
    session: TextSession,
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
    """Yield each piece written, its surprise in nats, the five likeliest tokens, and a hidden unit's value after it."""
    if not 0 <= length <= MAX_LENGTH:
        raise ArgumentError(f"The length is {length:,}: give 0 to {MAX_LENGTH:,} tokens.")
    run = session.run
    sizes = run.config.model.sizes
    if not (0 <= layer < len(sizes) and 0 <= unit < sizes[layer]):
        raise ArgumentError(f"There is no hidden unit {unit} in a layer {layer}.")
    sampling = Sampling(temperature, top_k, top_p)
    for it in written(run.model, run.tokenizer, prompt, length=length, sampling=sampling, seed=seed, names=(name,)):
        guesses = [[token_string(run.tokenizer, guess), rounded(p, 3)] for guess, p in it.guesses]
        value = rounded(float(it.values[layer, 0][name][unit]))
        yield {"text": it.text, "nats": rounded(-it.log_p, 3), "value": value, "guesses": guesses}


def copies(session: TextSession, written: str) -> dict[str, Any]:
    """Return the stretches of a written text that occur verbatim in the training text."""
    if not written:
        return {"length": COPIED, "stretches": []}
    tokenizer, training = session.run.tokenizer, session.run.open_data().train
    ids = tokenizer.encode(written)[-RECENT:]
    covered = copied_stretches(ids, training, COPIED)
    marks = [False] * (len(written) - len(tokenizer.decode(ids)))
    decoder = tokenizer.decoder()
    for token, copied in zip(ids.tolist(), covered.tolist(), strict=True):
        marks += [copied] * len(decoder.push(token))
    edges = [n for n in range(len(marks)) if marks[n] != (n > 0 and marks[n - 1])]
    edges += [len(marks)] if len(edges) % 2 else []
    return {"length": COPIED, "stretches": list(zip(edges[::2], edges[1::2], strict=True))}


WRITE = Screen("write", "Write", {"copies": copies}, {"write": write})
