"""How the cells of a table of series are written: found out from the file before it is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tidegate.data.rows import delimiter_of, layout_words, read_table
from tidegate.data.series.date_formats import DateFinder, DateFormat, is_date
from tidegate.data.series.row_options import RowOptions
from tidegate.data.tables.decimals import DecimalFinder, DecimalMark
from tidegate.io.wording import quoted


@dataclass(frozen=True)
class CellFormats:
    """How the cells of a table are written.

    Attributes:
        mark: the decimal mark of numbers.
        dates: the format of times; None: numbers, and dates as ISO 8601 has them.
        notes: what was found out and is unusual, in a line for the user.
    """

    mark: DecimalMark
    dates: DateFormat | None
    notes: Sequence[str] = ()


def column_of_dates(path: Path, columns: Sequence[str], options: RowOptions) -> str | None:
    """Return the column that has a date in the first row of a table; None if there is none, or several."""
    row = next(read_table(path, columns, empty=columns, delimiter=options.delimiter), None)
    given = None if options.date_format is None else DateFormat(options.date_format)
    dated = [name for name in columns if row is not None and is_date(row.values[name], given)]
    return dated[0] if len(dated) == 1 else None


def find_formats(path: Path, time: str | None, numbers: Sequence[str], options: RowOptions) -> CellFormats:
    """Find out how the cells of a table are written, as far as the options do not say it.

    The file is read until there is no doubt; later rows that are written otherwise are refused where they are read.

    Args:
        path: the table.
        time: the column of times, if there is one.
        numbers: the columns of numbers.
        options: what the user said.

    Raises:
        DataError: the cells can be read in two ways.
    """
    words = layout_words(path, options.delimiter)
    decimals = None if options.decimal else DecimalFinder(delimiter_of(path, options.delimiter))
    dates = None if options.date_format or time is None else DateFinder(time)
    columns = list(dict.fromkeys(numbers if time is None else [*numbers, time]))
    for row in read_table(path, columns, empty=columns, delimiter=options.delimiter):
        if decimals is not None:
            for name in numbers:
                decimals.add(row.values[name], f"{row.where}, column {quoted(name)}")
        if dates is not None:
            dates.add(row.values[dates.column], row.where)
        if (decimals is None or decimals.mark) and (dates is None or dates.is_sure):
            break
    mark = options.decimal or (decimals.found() if decimals is not None else ".")
    words += ["decimal commas"] if decimals is not None and mark == "," else []
    found = dates.found() if dates is not None else None
    words += [] if found is None else [f"dates as {found.words()}"]
    given = DateFormat(options.date_format) if options.date_format else found
    return CellFormats(mark, given, [f"{path} is read as: {', '.join(words)}"] if words else [])
