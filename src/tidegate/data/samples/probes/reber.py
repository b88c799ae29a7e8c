"""The embedded Reber grammar (Hochreiter & Schmidhuber 1997, experiment 1; Cleeremans et al. 1989).

A sequence is B, T or P, a string of Reber's grammar, the same T or P again, and E. The question at each step is the
next symbol. As in the paper, an answer is right if all symbols that may follow are likelier than all that may not. So
before the end the network has to remember the T or P of the beginning. The problem is solved when 99 of 100 sequences
are right at every step.

The inner string is at least ``lag`` long. The grammar is the paper's, but its two loops are taken with probability
1 - 4 / lag where that is more than the paper's 1/2: otherwise long strings would hardly ever be drawn.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

SYMBOLS = "BTPSXVE"
# Reber's grammar: in each state two ways, (symbol, next state); state 5 is where E follows. A loop comes first.
WAYS = {
    0: (("T", 1), ("P", 2)),
    1: (("S", 1), ("X", 3)),
    2: (("T", 2), ("V", 4)),
    3: (("X", 2), ("S", 5)),
    4: (("P", 3), ("V", 5)),
}
LOOPS = (1, 2)


def generate(lag: int, count: int, seed: int) -> dict[str, NDArray[Any]]:
    """Sequences of at least ``lag`` + 4 symbols, ``lag`` at least 5, one-hot out of seven; targets one step later."""
    draw = np.random.default_rng(seed)
    loop = max(0.5, 1 - 4 / lag)
    made = [_embedded(draw, lag, loop) for _ in range(count)]
    lengths = np.array([len(text) - 1 for text, _ in made])
    frames = np.zeros((count, lengths.max(), len(SYMBOLS)), np.float32)
    targets = np.full(frames.shape[:2], -1)
    legal = np.zeros(frames.shape, np.bool_)
    for n, (text, may) in enumerate(made):
        numbers = [SYMBOLS.index(symbol) for symbol in text]
        steps = np.arange(len(numbers) - 1)
        frames[n, steps, numbers[:-1]] = 1
        targets[n, steps] = numbers[1:]
        for t, symbols in enumerate(may):
            legal[n, t, [SYMBOLS.index(symbol) for symbol in symbols]] = True
    return {"frames": frames, "lengths": lengths, "targets": targets, "legal": legal}


def _embedded(draw: np.random.Generator, lag: int, loop: float) -> tuple[str, list[str]]:
    """Return a string, and for each of its symbols but the last those that may follow it."""
    while True:
        text, may, state = "B", [], 0
        while state != 5:
            ways = WAYS[state]
            symbol, after = ways[int(draw.random() >= (loop if state in LOOPS else 0.5))]
            text, may, state = text + symbol, [*may, ways[0][0] + ways[1][0]], after
        if len(text) + 1 >= lag:
            break
    outer = "TP"[int(draw.integers(2))]
    return f"B{outer}{text}E{outer}E", ["TP", "B", *may, "E", outer, "E"]
