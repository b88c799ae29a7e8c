"""What the parity suite runs: a case is sizes and the facts of time; its numbers follow from its seed."""

import itertools
from dataclasses import dataclass, fields

import numpy as np
from tests.witnesses.paper import Paper


@dataclass(frozen=True)
class Case:
    """One run. ``lengths`` per sequence, ``resets`` the (t, b) that are set, ``bias`` "pair", "input" or "none".

    ``every`` is the stride of the recording of all gates and states, 0 for no recording. Without ``start`` the run
    begins from the default (zero) state.
    """

    T: int = 7
    B: int = 5
    H: int = 4
    I: int = 3
    dtype: str = "float64"
    lengths: tuple[int, ...] | None = None
    resets: frozenset[tuple[int, int]] | None = None
    reverse: bool = False
    start: bool = True
    bias: str = "pair"
    every: int = 1
    projection: int | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        """Sizes first, then what is unusual; readable as a pytest id."""
        words = [f"T{self.T}", f"B{self.B}", f"H{self.H}", f"I{self.I}", self.dtype]
        words += [f"P{self.projection}"] if self.projection else []
        words += ["lengths"] if self.lengths is not None else []
        words += ["resets"] if self.resets is not None else []
        words += ["reverse"] if self.reverse else []
        words += [] if self.start else ["default-start"]
        words += {"pair": [], "input": ["one-bias"], "none": ["no-bias"]}[self.bias]
        words += {0: ["unrecorded"], 1: []}.get(self.every, [f"every-{self.every}"])
        return "-".join(words)

    def valid(self) -> np.ndarray:
        """(T, B): which steps are not padding."""
        lengths = self.lengths or (self.T,) * self.B
        return np.arange(self.T)[:, None] < np.array(lengths)[None, :]

    def reset_flags(self) -> np.ndarray | None:
        """(T, B) of bool, or None."""
        if self.resets is None:
            return None
        flags = np.zeros((self.T, self.B), bool)
        for t, b in self.resets:
            flags[t, b] = True
        return flags


def inputs(paper: Paper, case: Case) -> dict[str, np.ndarray]:
    """Every input by name, drawn in float32 so that both precisions see the same numbers; padding is NaN."""
    rng = np.random.default_rng([case.seed, case.T, case.B, case.H, *paper.name.encode()])
    T, B, H, width = case.T, case.B, case.H, case.projection or case.H

    def draw(*shape: int, scale: float = 1.0) -> np.ndarray:
        return (scale * rng.uniform(-1, 1, shape)).astype(np.float32)

    made = {"x": np.where(case.valid()[:, :, None], draw(T, B, case.I, scale=2), np.float32("nan"))}
    made["w_ih"] = draw(len(paper.inputs) * H, case.I)
    if paper.recurrent:
        made["w_hh"] = draw(len(paper.recurrent) * H, width, scale=1.5 / np.sqrt(width))
    if case.bias != "none" and paper.biased:
        made["b_ih"] = draw(len(paper.inputs) * H)
    if case.bias == "pair" and paper.recurrent and paper.biased:
        made["b_hh"] = draw(len(paper.recurrent) * H)
    for name in paper.parameters:
        made[name] = draw(H)
    if case.projection:
        made["w_hr"] = draw(case.projection, H, scale=1.5 / np.sqrt(H))
    for name in paper.masks:
        mask = draw(T, B, H, scale=2) if paper.real_masks else np.round(draw(T, B, H, scale=0.5) + 0.5)
        made[f"mask {name}"] = np.where(case.valid()[:, :, None], mask, np.float32("nan"))
    if case.start:
        for k, name in enumerate(paper.states):
            first = draw(B, width if k == 0 else H)
            made[f"initial {name}"] = 1 + first / 2 if name in paper.positive else first
    return made


def some_lengths(T: int, B: int, seed: int) -> tuple[int, ...]:
    """Lengths with a zero and, where B allows, a full one; for B = 1 anything short of T."""
    rng = np.random.default_rng(seed)
    drawn = [0, T, *rng.integers(1, T + 1, B).tolist()][:B] if B > 1 else [T - 1]
    return tuple(rng.permutation(drawn).tolist())


def some_resets(T: int, B: int, seed: int) -> frozenset[tuple[int, int]]:
    """About a third of all steps, padding included, and the last step of the first sequence for certain."""
    rng = np.random.default_rng(seed)
    return frozenset({(T - 1, 0), *((t, b) for t in range(T) for b in range(B) if rng.random() < 0.3)})


_FACTORS: dict[str, tuple] = {
    "T": (1, 2, 7, 63),
    "B": (1, 5),
    "H": (1, 4, 33),
    "I": (1, 3, 5),
    "dtype": ("float32", "float64"),
    "lengths": (False, True),
    "resets": (False, True),
    "reverse": (False, True),
    "start": (True, False),
    "bias": ("pair", "input", "none"),
    "every": (1, 3, 0),
}


def covering(strength: int, seed: int) -> list[Case]:
    """Few cases in which every combination of any ``strength`` factors' values occurs (2: all pairs)."""
    names = tuple(_FACTORS)
    columns = tuple(itertools.combinations(range(len(names)), strength))
    missing = {
        (group, values) for group in columns for values in itertools.product(*(_FACTORS[names[k]] for k in group))
    }
    rng = np.random.default_rng(seed)
    chosen: list[Case] = []
    while missing:
        best: tuple = ()
        gain: set = set()
        group, values = min(missing, key=str)
        for _ in range(20):
            row = [options[rng.integers(len(options))] for options in _FACTORS.values()]
            for k, value in zip(group, values, strict=True):
                row[k] = value
            new = {(g, tuple(row[k] for k in g)) for g in columns} & missing
            if len(new) > len(gain):
                best, gain = tuple(row), new
        missing -= gain
        chosen.append(_resolve(dict(zip(names, best, strict=True)), seed=seed + len(chosen)))
    return chosen


def _resolve(row: dict, seed: int) -> Case:
    assert set(row) <= {field.name for field in fields(Case)}
    T, B = row["T"], row["B"]
    row["lengths"] = some_lengths(T, B, seed) if row["lengths"] else None
    row["resets"] = some_resets(T, B, seed + 1) if row["resets"] else None
    return Case(**row, seed=seed)
