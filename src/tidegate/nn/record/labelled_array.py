"""Arrays with named axes, as in xarray: parts of a trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import Scale, caption_html, heat_map_svg, line_chart_svg, table_html
from tidegate.drawing.brief import brief_repr
from tidegate.drawing.charted import Charted
from tidegate.errors import ArgumentError
from tidegate.io.optional import needed

Selector = int | slice | Sequence[int] | None
"""Positions along an axis: one, which drops the axis; a slice or several; None for all."""

SHOWN = 256  # positions along an axis in a notebook view


@dataclass(frozen=True)
class LabelledArray(Charted):
    """An array with named axes.

    Attributes:
        values: the array; read-only where it is on disk.
        dims: the names of the axes: of "layer", "direction", "name", "batch", "time", "unit".
        coords: labels along an axis, if they are not 0, 1, 2, ...: pieces of text along "time".
    """

    values: NDArray[Any]
    dims: tuple[str, ...]
    coords: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    __repr__ = brief_repr

    def __post_init__(self) -> None:
        if self.values.ndim != len(self.dims):
            raise ArgumentError(f"dims are {' '.join(self.dims)}, but the values have {self.values.ndim} axes.")
        for dim, along in self.coords.items():
            if len(along) != self.values.shape[self.dims.index(dim)]:
                raise ArgumentError(
                    f"{len(along)} coordinates along {dim} for shape {self.values.shape}: give one for each position."
                )

    @property
    def shape(self) -> tuple[int, ...]:
        """The length of each axis."""
        return self.values.shape

    def isel(self, **at: Selector) -> LabelledArray:
        """Select positions along axes by name: ``isel(time=slice(10, 20), unit=87)``.

        Raises:
            ArgumentError: there is no such axis, or no such position along it.
        """
        values, dims, coords = self.values, list(self.dims), dict(self.coords)
        for dim, chosen in at.items():
            axis = _axis(dim, tuple(dims))
            if chosen is None:
                continue
            if isinstance(chosen, int | np.integer):
                check_place(dim, int(chosen), values.shape[axis])
                values = values[(slice(None),) * axis + (int(chosen),)]
                del dims[axis]
                coords.pop(dim, None)
                continue
            places = np.arange(values.shape[axis])[chosen] if isinstance(chosen, slice) else np.asarray(chosen, int)
            for place in places if not isinstance(chosen, slice) else ():
                check_place(dim, int(place), values.shape[axis])
            values = values[(slice(None),) * axis + (chosen if isinstance(chosen, slice) else places,)]
            if dim in coords:
                coords[dim] = [coords[dim][place] for place in places]
        return LabelledArray(values, tuple(dims), coords)

    def to_numpy(self) -> NDArray[Any]:
        """Return the values in memory."""
        return np.array(self.values)

    def to_pandas(self) -> Any:
        """Return a Series of one axis, or a DataFrame: the last axis as columns, all others as rows.

        Raises:
            MissingDependencyError: pandas is not installed.
        """
        pandas = needed("pandas", "A data frame needs")
        along = [list(self.coords.get(dim, range(size))) for dim, size in zip(self.dims, self.shape, strict=True)]
        values = self.to_numpy()
        if not along:
            return pandas.Series([values.item()])
        if len(along) == 1:
            return pandas.Series(values, index=pandas.Index(along[0], name=self.dims[0]))
        down = along[:-1]
        index = (
            pandas.Index(down[0], name=self.dims[0])
            if len(down) == 1
            else pandas.MultiIndex.from_product(down, names=self.dims[:-1])
        )
        columns = pandas.Index(along[-1], name=self.dims[-1])
        return pandas.DataFrame(values.reshape(-1, self.shape[-1]), index=index, columns=columns)

    def _repr_html_(self) -> str:
        """Notebook view: a curve of one axis, or a heat map of the last two at the first position of every other."""
        what = " × ".join(f"{size} {dim}" for dim, size in zip(self.dims, self.shape, strict=True)) or "one value"
        if not self.values.size or not self.dims:
            return table_html([self.values.ravel().tolist() or ["none"]], [what])
        part = self._shown()
        left = [f"{dim} {self.coords[dim][0] if dim in self.coords else 0}" for dim in self.dims[:-2]]
        left += [
            f"{dim} 0 to {SHOWN - 1}" for dim, size in zip(part.dims, self.shape[-2:], strict=True) if size > SHOWN
        ]
        caption = caption_html(f"{what}; shown: " + ", ".join(left) if left else what)
        return f"<div>{caption}{''.join(self._charts())}</div>"

    def _shown(self) -> LabelledArray:
        return self.isel(**dict.fromkeys(self.dims[:-2], 0), **{dim: slice(SHOWN) for dim in self.dims[-2:]})

    def _charts(self) -> list[str]:
        if not self.values.size or not self.dims:
            return []
        part = self._shown()
        values = np.asarray(part.values, np.float64)
        if len(part.dims) == 1:
            return [line_chart_svg({"": (np.arange(len(values)), values)}, x_label=part.dims[0])]
        turned = part.dims[0] == "time"  # time runs across, as text does
        down, across = part.dims[::-1] if turned else part.dims
        kind = "diverging" if (values < 0).any() else "sequential"
        finite = np.abs(values[np.isfinite(values)])
        return [
            heat_map_svg(
                values.T if turned else values,
                part.coords.get(down, ()),
                part.coords.get(across, ()),
                # One unit of a state may be far beyond all others: it must not pale them.
                scale=Scale(kind, float(np.percentile(finite, 99)) or 1.0 if len(finite) else 1.0),
                x_label=across,
                y_label=down,
            )
        ]

    def to_xarray(self) -> Any:
        """Return an ``xarray.DataArray``.

        Raises:
            MissingDependencyError: xarray is not installed.
        """
        xarray = needed("xarray", "A DataArray needs")
        return xarray.DataArray(self.values, dims=self.dims, coords={k: list(v) for k, v in self.coords.items()})


def _axis(dim: str, dims: tuple[str, ...]) -> int:
    if dim not in dims:
        raise ArgumentError(f"There is no axis {dim!r}: the axes are {', '.join(dims) or 'none'}.")
    return dims.index(dim)


def check_place(dim: str, place: int, size: int) -> None:
    """Check a position along an axis; negative positions count from the end.

    Raises:
        ArgumentError: there is no such position.
    """
    if not -size <= place < size:
        raise ArgumentError(f"{dim} {place}: there are {size}, 0 to {size - 1}.")
