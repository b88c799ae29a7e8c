"""Settings as one dataclass: defaults, limits and, in the fields' metadata, the options of the command line."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from tidegate.drawing.brief import brief_repr
from tidegate.errors import ArgumentError
from tidegate.io.records import stored_as, stored_unless
from tidegate.io.wording import quoted

ALWAYS = object()  # written to every file, whatever the value


def option(
    default: Any,
    help: str,
    *,
    panel: str = "Model",
    advanced: bool = False,
    flag: str = "",
    value: str = "",
    key: str = "",
    unset: str = "",
    off: float | None = None,
    absent: Any = ALWAYS,
    by: tuple[str, Mapping[str, Any]] | None = None,
    only: tuple[str, Sequence[str]] | None = None,
    **limits: float,
) -> Any:
    """Declare a dataclass field that is also an option of the command line.

    Args:
        default: its default value.
        help: its description, one sentence.
        panel: the heading it is listed under.
        advanced: whether it is listed only where all options are asked for (``--help-all``).
        flag: its name on the command line. Default: that of the field, with dashes.
        value: the name of its value in the description. Default: by its type, such as N or FILE.
        key: its key in files, see `tidegate.io.records`. Default: the name of the field.
        unset: what None means, for the description of an option whose default is None.
        off: the value on the command line that means None.
        absent: its value in run folders that lack it, as those do that were written before there was the option.
        by: another field and, for each of its values, the default value of this one; ``default`` is None then.
        only: another field and those of its values with which this one has an effect. With others it is refused.
        **limits: ``min`` and ``max``, inclusive; ``above`` and ``below``, exclusive.
    """
    if by is not None:
        unset = ", ".join(f"{value:g} for {choice}" for choice, value in by[1].items())
    about: dict[str, Any] = {"help": help, "panel": panel, "flag": flag, "unset": unset, "off": off, "limits": limits}
    about |= {"by": by, "only": only, "advanced": advanced, "value": value}
    stored = (stored_as(key) if key else {}) | ({} if absent is ALWAYS else stored_unless(absent))
    return field(default=default, metadata=about | stored)


@dataclass(frozen=True)
class RecurrentConfig:
    """Settings that the models of all tasks share: recurrent layers of any cell.

    Raises:
        ArgumentError: a value is out of range.
        CellError: no cell has that name, or it cannot have heads.
    """

    cell: str = option("lstm", "The recurrent cell, see tidegate cells; or my_cells.py:NAME.", value="NAME")
    hidden_size: int = option(128, "Hidden units per layer and direction.", min=1)
    num_layers: int = option(1, "Recurrent layers.", flag="layers", min=1)
    heads: int = option(
        1, "Groups of hidden units that recurrent products stay within.", absent=1, min=1, advanced=True
    )
    dropout: float = option(0.3, "Dropout before, between and after the layers.", min=0, below=1)
    init: Literal["torch", "keras"] = option("torch", "Weight initialisation scheme.", advanced=True)
    forget_bias: float | None = option(None, "Initial bias of the forget gate.", advanced=True)

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        from tidegate.cells import get_cell  # which imports torch

        get_cell(self.cell)
        check(self)
        check_heads(self.cell, self.heads, [self.hidden_size])


def check_heads(cell: str, heads: int, sizes: Sequence[int]) -> None:
    """Check that layers of some numbers of hidden units can be cut into heads.

    Raises:
        ArgumentError: a number is not a multiple of the heads.
        CellError: the cell has heads already, or no recurrent product.
    """
    from tidegate.cells import get_cell, with_heads  # which imports torch

    if heads > 1:
        with_heads(get_cell(cell), heads)
    if wrong := [size for size in sizes if size % heads]:
        raise ArgumentError(f"heads is {heads}, but {wrong[0]} hidden units cannot be cut into {heads} equal groups.")


def with_settings(config: Any, settings: Mapping[str, Any], unknown: Callable[[str], Exception]) -> Any:
    """Return a config with the settings that are not None in place of its own.

    Args:
        config: a dataclass.
        settings: by the names of its fields.
        unknown: makes the error for a name that is no field.
    """
    chosen = {name: value for name, value in settings.items() if value is not None}
    known = {it.name for it in fields(config)}
    for name in chosen:
        if name not in known:
            raise unknown(name)
    return replace(config, **chosen)


def fill(config: Any) -> None:
    """Give the fields of a frozen dataclass that are None their defaults where these depend on another field.

    Raises:
        ArgumentError: that field has no such value.
    """
    for it in fields(config):
        if (by := it.metadata.get("by")) is not None and getattr(config, it.name) is None:
            other, values = by
            chosen = getattr(config, other)
            if chosen not in values:
                raise ArgumentError(f"{other} is {chosen!r}, but must be one of {', '.join(map(repr, values))}.")
            object.__setattr__(config, it.name, values[chosen])


def check(config: Any) -> None:
    """Compare the values of a dataclass of `option` fields with their types' choices and limits.

    Raises:
        ArgumentError: a value is out of range.
    """
    hints = get_type_hints(type(config))
    for it in fields(config):
        value, limits = getattr(config, it.name), it.metadata.get("limits", {})
        if value is None:
            continue
        choices = _choices(hints[it.name])
        if choices and value not in choices:
            raise ArgumentError(f"{it.name} is {value!r}, but must be one of {', '.join(map(repr, choices))}.")
        if limits and not _within(value, limits):
            raise ArgumentError(f"{it.name} is {value!r}, but must be {_expected(limits)}.")
        _check_use(config, it, value)


def _check_use(config: Any, it: Field[Any], value: Any) -> None:
    other, values = it.metadata.get("only") or ("", ())
    if other and value != it.default and getattr(config, other) not in values:
        needed = " or ".join(f"{other}={choice!r}" for choice in values)
        raise ArgumentError(
            f"{it.name} is {value!r}, but {other}={getattr(config, other)!r} does not use it: choose {needed}, or "
            "leave it out."
        )


def _choices(hint: Any) -> tuple[Any, ...]:
    """Return the values of a Literal, also of one that may be None."""
    found = [it for it in (hint, *get_args(hint)) if get_origin(it) is Literal]
    return get_args(found[0]) if found else ()


def _within(value: float, limits: dict[str, float]) -> bool:
    return (
        math.isfinite(value)
        and limits.get("min", -math.inf) <= value <= limits.get("max", math.inf)
        and limits.get("above", -math.inf) < value < limits.get("below", math.inf)
    )


def _expected(limits: dict[str, float]) -> str:
    if "min" in limits and "max" in limits:
        return f"from {limits['min']} to {limits['max']}"
    names = {"min": "at least", "max": "at most", "above": "above", "below": "below"}
    return " and ".join(f"{names[name]} {limit}" for name, limit in limits.items())


def parse_splits(text: str) -> tuple[float, float, float] | None:
    """Parse ``90/5/5`` or ``0.9/0.05/0.05``, ``90/10`` without a test part; None for ``none``.

    Raises:
        ArgumentError: it is none of these.
    """
    if text.strip().lower() == "none":
        return None
    try:
        train, validation, *rest = (float(part) for part in text.split("/"))
        (test,) = rest or [0.0]
    except ValueError:
        train = validation = test = math.nan
    whole = 1 if math.isclose(train + validation + test, 1) else 100
    if not math.isclose(train + validation + test, whole):
        raise ArgumentError(
            f"splits is {quoted(text)}, which is not two or three shares that make up a whole, such as 90/5/5 or "
            "0.8/0.2, nor none."
        )
    return train / whole, validation / whole, test / whole
