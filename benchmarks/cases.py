"""Cases: shapes and kinds, written as ``BxTxH`` and a kind, such as ``32x100x512 packed``."""

import re
from dataclasses import dataclass

from tidegate.errors import ArgumentError

# Kinds in which our layer takes turns with the peers; "" is one layer, one direction, sequences of full length.
AGAINST_PEERS = ("", "2 layers", "bidirectional", "packed", "streaming")
# Kinds in which our layer takes turns with itself, or runs in a process of its own.
OWN = ("peephole", "recording", "share", "memory", "first call")

SHAPES = ("1x100x128", "1x100x512", "16x100x1024", "32x100x128", "32x100x512", "64x100x256", "128x50x512")
DEFAULT = (
    *SHAPES,
    "32x100x33",
    "32x100x200",
    "16x2000x128",
    "32x100x256 2 layers",
    "32x100x256 bidirectional",
    "16x100x1024 packed",
    "32x100x128 packed",
    "32x100x512 packed",
    "64x100x256 packed",
    "1x1x128 streaming",
    "1x1x512 streaming",
    *(f"{shape} peephole" for shape in SHAPES),
    *(f"{shape} recording" for shape in SHAPES),
    "32x100x512 share",
    "64x100x256 share",
    "128x50x512 share",
    "32x100x512 memory",
    "64x100x256 memory",
    "32x100x128 first call",
)
QUICK = (
    "1x100x128",
    "32x100x128",
    "32x100x128 packed",
    "1x1x128 streaming",
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
    def layers(self) -> int:
        """Layers on top of one another."""
        return 2 if self.kind == "2 layers" else 1


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
    if case.kind == "streaming" and case.steps != 1:
        raise ArgumentError(f"Streaming is one step at a time: write {case.batch}x1x{case.size} streaming, not {case}.")
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
