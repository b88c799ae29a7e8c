"""Cases: shapes and kinds, written as ``BxTxH`` and a kind, such as ``32x100x512 packed``."""

import platform
import re
from dataclasses import dataclass
from typing import Literal

from tidegate.errors import ArgumentError

Mode = Literal["inference", "training"]
MODES: tuple[Mode, ...] = ("inference", "training")

# Kinds in which our layer takes turns with the peers; "" is one layer, one direction, sequences of full length.
AGAINST_PEERS = (
    "",
    "2 layers",
    "bidirectional",
    "packed",
    "bfloat16",
    "evaluation",
    "streaming",
    "one step",
    "cell",
)
# Kinds in which our layer takes turns with itself, or runs in a process of its own.
OWN = ("peephole", "recording", "batch invariant", "int8", "share", "memory", "first call", "AVX2", "AVX2 share")
ONE_STEP = ("streaming", "one step", "cell", "int8")  # T = 1
INFERENCE = ("streaming", "evaluation")  # not timed in training
X86 = platform.machine().lower() in ("x86_64", "amd64")

SHAPES = ("1x100x128", "1x100x512", "16x100x1024", "32x100x128", "32x100x512", "64x100x256", "128x50x512")
ODD = ("20x70x200", "7x50x100", "48x35x650")
SHARES = ("32x100x512", "64x100x256", "128x50x512")
SHORT = tuple(f"1x{steps}x{size}" for size in (64, 128, 256) for steps in (1, 10, 62, 160))
SMALL = ("1x1x64", "20x1x51", "32x1x256")


def _of(kind: str, shapes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{shape} {kind}" for shape in shapes)


DEFAULT = (
    *SHAPES,
    *ODD,
    "32x100x33",
    "32x100x200",
    "16x2000x128",
    *_of("2 layers", ("32x100x256",)),
    *_of("bidirectional", ("32x100x256",)),
    *_of("packed", ("16x100x1024", "32x100x128", "32x100x512", "64x100x256")),
    *_of("bfloat16", SHAPES),
    *_of("evaluation", SHORT),
    *_of("streaming", ("1x1x128", "1x1x512")),
    *_of("int8", ("1x1x128", "1x1x512", "1x1x1024")),
    *_of("one step", SMALL),
    *_of("cell", SMALL),
    *_of("peephole", SHAPES),
    *_of("recording", SHAPES),
    *_of("batch invariant", SHAPES),
    *_of("share", SHARES),
    *_of("memory", SHARES[:2]),
    *(_of("AVX2", (*SHAPES, *ODD)) if X86 else ()),
    *(_of("AVX2 share", SHARES) if X86 else ()),
    *_of("first call", ("32x100x128",)),
)
QUICK = (
    "1x100x128",
    "32x100x128",
    "32x100x128 packed",
    "1x10x128 evaluation",
    "1x1x128 streaming",
    "1x1x64 cell",
    "32x100x128 peephole",
    "32x100x128 recording",
    "64x100x256 share",
)


@dataclass(frozen=True)
class Case:
    """A shape and the kind of measurement.

    Attributes:
        batch: B sequences.
        steps: T steps.
        size: H hidden units, and H input features.
        kind: one of ``AGAINST_PEERS`` or ``OWN``.
    """

    batch: int
    steps: int
    size: int
    kind: str = ""

    def __str__(self) -> str:
        return f"{self.batch}x{self.steps}x{self.size} {self.kind}".strip()

    @property
    def modes(self) -> tuple[Mode, ...]:
        """In what it is timed."""
        return MODES[:1] if self.kind in INFERENCE else MODES

    @property
    def layers(self) -> int:
        """Layers on top of one another."""
        return 2 if self.kind == "2 layers" else 1

    @property
    def output_size(self) -> int:
        """Features of the output, of both directions together."""
        return self.size * (2 if self.kind == "bidirectional" else 1)


def parse(text: str) -> Case:
    """Parse a case.

    Raises:
        ArgumentError: it is not written as ``BxTxH`` and a kind.
    """
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)x([1-9]\d*)(?: (.+))?", text.strip())
    kinds = (*AGAINST_PEERS, *OWN)
    if not found or (found[4] or "") not in kinds:
        raise ArgumentError(
            f"{text!r} is not a case: write batch x steps x hidden units and optionally a kind, such as "
            f"32x100x512 or '32x100x512 packed', or a kind alone. The kinds are: {', '.join(filter(None, kinds))}."
        )
    case = Case(int(found[1]), int(found[2]), int(found[3]), found[4] or "")
    if case.kind in ONE_STEP and case.steps != 1:
        raise ArgumentError(f"{case.kind!r} is one step: write {case.batch}x1x{case.size} {case.kind}, not {case}.")
    return case


def choose_cases(names: str | None = None, *, quick: bool = False) -> list[Case]:
    """Return the named cases, separated by commas; a kind alone means all its cases; by default, all cases.

    Raises:
        ArgumentError: a name is neither a case nor a kind.
    """
    known = [parse(text) for text in (QUICK if quick else DEFAULT)]
    if names is None:
        return known
    chosen: list[Case] = []
    for name in (part.strip() for part in names.split(",")):
        of_kind = [case for case in known if name and case.kind == name]
        chosen += of_kind or [parse(name)]
    return list(dict.fromkeys(chosen))
