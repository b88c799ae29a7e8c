"""Results that draw charts, and charts as SVG files."""

import re
from collections.abc import Iterable

from tidegate.errors import ArgumentError

SIZE = re.compile(r'<svg [^>]*?width="(\d+)" height="(\d+)"')


class Charted:
    """Base of results that draw charts or heat maps in a notebook, which `svg` gives as a file."""

    def svg(self) -> str:
        """Return the charts of the notebook view as the content of one SVG file, one below the other.

        Raises:
            ArgumentError: there is nothing to draw.

        Example:
            >>> pathlib.Path("flow.svg").write_text(flow.svg())  # doctest: +SKIP
        """
        return svg_file(self._charts())

    def _charts(self) -> Iterable[str]:
        """Return SVG elements, as `tidegate.drawing` makes them."""
        raise NotImplementedError


def svg_file(charts: Iterable[str]) -> str:
    """Return SVG elements as the content of one file, one below the other on a white background.

    Raises:
        ArgumentError: there are none.
    """
    placed, wide, high = [], 0, 0
    for chart in charts:
        size = SIZE.match(chart)
        assert size is not None
        placed.append(chart.replace("<svg ", f'<svg y="{high}" ', 1))
        wide, high = max(wide, int(size[1])), high + int(size[2])
    if not placed:
        raise ArgumentError("There is nothing to draw.")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" '
        f'color="black"><rect width="{wide}" height="{high}" fill="white"/>{"".join(placed)}</svg>\n'
    )
