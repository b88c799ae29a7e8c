"""How the cells of a table of series are written: found out from the file before it is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.data.rows import delimiter_of, layout_words, read_table
from tidegate.data.tables.decimals import DecimalFinder, DecimalMark
from tidegate.tasks.forecast.series.series_options import SeriesOptions


@dataclass(frozen=True)
class Layout:
    """How the cells of a table are written.

    Attributes:
        mark: the decimal mark of numbers.
        notes: what was found out and is unusual, in a line for the user.
    """

    mark: DecimalMark
    notes: Sequence[str] = ()


def find_layout(path: Path, numbers: Sequence[str], options: SeriesOptions) -> Layout:
    """Find out how the cells of a table are written, as far as the options do not say it.

    The file is read until there is no doubt; later rows that are written otherwise are refused where they are read.

    Args:
        path: the table.
        numbers: the columns of numbers.
        options: what the user said.

    Raises:
        DataError: the cells can be read in two ways.
    """
    words = layout_words(path, options.delimiter)
    mark = options.decimal
    if mark is None:
        finder = DecimalFinder(delimiter_of(path, options.delimiter))
        for row in read_table(path, numbers, empty=numbers, delimiter=options.delimiter):
            for name in numbers:
                finder.add(row.values[name], f"{row.where}, column {name!r:.80}")
            if finder.mark:
                break
        mark = finder.found()
        words += ["decimal commas"] if mark == "," else []
    return Layout(mark, [f"{path} is read as: {', '.join(words)}"] if words else [])
