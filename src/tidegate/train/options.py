"""Settings of a task as one dataclass: its defaults, its checks and, in the fields' metadata, its command line."""

from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tidegate.cells import get_cell
from tidegate.errors import ArgumentError


def option(default: Any, help: str, *, panel: str = "Model", flag: str = "", **limits: float) -> Any:
    """A field that is also an option of the command line.

    Args:
        default: its value unless given.
        help: what it is, in a sentence.
        panel: under which heading it is listed.
        flag: its name on the command line; that of the field with dashes unless given.
        **limits: ``min``, ``max`` and, exclusive, ``below``.
    """
    return field(default=default, metadata={"help": help, "panel": panel, "flag": flag, "limits": limits})


@dataclass(frozen=True)
class RecurrentConfig:
    """What all tasks' models have: recurrent layers of any cell.

    Raises:
        ArgumentError: a value is out of range.
        CellError: no cell has that name.
    """

    cell: str = option("lstm", "The recurrent cell; see tidegate cells.")
    hidden_size: int = option(128, "Tokenizer a layer, in each direction.", min=1)
    num_layers: int = option(1, "Recurrent layers.", flag="layers", min=1)
    dropout: float = option(0.3, "Share of values dropped before, between and after the layers.", min=0, below=1)
    init: Literal["torch", "keras"] = option("torch", "Whose initial values.")
    forget_bias: float | None = option(None, "Initial bias of the forget gate.")

    def __post_init__(self) -> None:
        get_cell(self.cell)
        check(self)


def check(config: Any) -> None:
    """Compare the values of a dataclass made of `option` with their types' choices and limits.

    Raises:
        ArgumentError: one is out of range.
    """
    hints = get_type_hints(type(config))
    for it in fields(config):
        value, limits = getattr(config, it.name), it.metadata.get("limits", {})
        if value is None:
            continue
        choices = get_args(hints[it.name]) if get_origin(hints[it.name]) is Literal else ()
        if choices and value not in choices:
            raise ArgumentError(f"{it.name} is {value!r}, but must be one of {', '.join(map(repr, choices))}.")
        if "min" in limits and not value >= limits["min"]:
            raise ArgumentError(f"{it.name} is {value}, but must be at least {limits['min']}.")
        if "max" in limits and not value <= limits["max"]:
            raise ArgumentError(f"{it.name} is {value}, but must be at most {limits['max']}.")
        if "below" in limits and not value < limits["below"]:
            raise ArgumentError(f"{it.name} is {value}, but must be below {limits['below']}.")
