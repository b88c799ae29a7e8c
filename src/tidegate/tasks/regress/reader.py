"""Read series with inputs and targets at every step: from tables, ``.npz`` files, or pairs of WAV files."""

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.array_files import holds_arrays
from tidegate.data.frames import FRAMES, read_frames
from tidegate.data.rows import Row, columns_of, delimiter_of, is_table, read_table
from tidegate.data.tables.cell_values import described, is_missing, named, text_of
from tidegate.data.tables.decimals import DecimalFinder, DecimalMark, parse_number
from tidegate.errors import DataError
from tidegate.tasks.regress.audio import Pair, is_audio, paired, read_wav
from tidegate.tasks.regress.config import RegressConfig, names_in

NAME, TARGETS = "series", "targets"
LARGEST = 1e30  # so that squares are numbers in single precision, once they are divided by the deviation
TIMES = ("time", "date", "datetime", "timestamp")
ISO = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?Z?)?)?")
KNOWN = "a table (.csv, .tsv, .jsonl, .parquet), a .npz file of frames and targets, or .wav files"


def grouped(paths: Sequence[Path]) -> list[Path | Pair]:
    """Return the files among paths, in folders too: WAV files in pairs, others one by one.

    Raises:
        DataError: a WAV file has no partner.
    """
    files = [file for path in paths for file in (_files(path) if path.is_dir() else [path])]
    return [*(it for it in files if not is_audio(it)), *paired([it for it in files if is_audio(it)])]


def _files(folder: Path) -> list[Path]:
    return sorted(it for it in folder.rglob("*") if it.is_file() and not it.name.startswith("."))


def read_series(path: Path | Pair, config: RegressConfig) -> Iterator[Row]:
    """Read the series of a file, one row for each. They are held in memory.

    Args:
        path: a table, whose rows are in order of time (dates in ISO 8601 are checked, in a column called date or time);
            a ``.npz`` file with ``frames`` (N, T, F) and ``targets`` (N, T, K) or (N, T), perhaps ``lengths`` and names
            ``series`` (N,); a pair of WAV files, or one WAV file as the input alone.
        config: names the columns of tables, and says what a missing input becomes.

    Yields:
        Rows with "series" (its name), "inputs" (T, F) float64, in which nan is to become the mean, "targets" (T, K)
        with nan where there is none, or None if the file has no targets; "columns", the names of inputs and targets;
        "rate", samples per second of audio, else 0; and of tables "rows" (T,), the number of each step's row.

    Raises:
        DataError: a column is missing, an input is missing or not a number, or the parts of a pair do not fit.
    """
    if isinstance(path, Pair):
        yield _from_pair(path, config)
    elif is_audio(path):
        yield _audio_row(str(path), path.stem, read_wav(path), None)
    elif holds_arrays(path):
        _refuse_columns(path, config)
        yield from _from_arrays(path, config)
    elif is_table(path):
        yield from _from_table(path, config)
    else:
        raise DataError(f"{path} is not {KNOWN}.")


def series_values(
    name: str, x: NDArray[Any], y: NDArray[Any] | None, inputs: Sequence[str], targets: Sequence[str]
) -> dict[str, Any]:
    """Return what a row of a series holds: inputs (T, F), and targets (T, K) if they are known."""
    return {NAME: name, "inputs": x, TARGETS: y, "columns": (list(inputs), list(targets)), "rate": 0}


def _from_table(path: Path, config: RegressConfig) -> Iterator[Row]:
    there = columns_of(path, config.delimiter)
    inputs, static, targets = config.input_names, names_in(config.static), config.target_names
    if not inputs or not targets:
        raise DataError(
            f"{path}: which columns are inputs, and which targets? Say --inputs and --targets; there are: "
            f"{named(there)}."
        )
    group = [config.series_column] if config.series_column else []
    for name in (*group, *inputs):
        if name not in there:
            raise DataError(f"{path}: there is no column {name!r:.80}; there are: {named(there)}.")
    lacking = [name for name in targets if name not in there]
    if lacking and len(lacking) < len(targets):
        raise DataError(f"{path}: there is no column {lacking[0]!r:.80}; there are: {named(there)}.")
    targets = [] if lacking else targets
    numbers = [*inputs, *targets]
    times = [name for name in there if name.strip().lower() in TIMES and name not in (*group, *numbers)]
    mark = decimal_mark(path, numbers, config)
    found: dict[str, _Series] = {}
    used = list(dict.fromkeys([*group, *numbers, *times]))
    for row in read_table(path, used, empty=used, delimiter=config.delimiter):
        name = _name(row, group[0]) if group else path.stem
        series = found.setdefault(name, _Series(config.missing, mark, times))
        series.add(row, inputs, targets, static)
    for name, series in found.items():
        x = np.array(series.inputs).reshape(-1, len(inputs))
        y = np.array(series.targets).reshape(-1, len(targets)) if targets else None
        where = f"{path}, series {name!r:.80} (from row {series.rows[0]})" if group else str(path)
        about = {"rows": np.array(series.rows), "filled": series.filled} | ({"lacking": lacking} if lacking else {})
        yield Row(where, series_values(name, x, y, inputs, config.target_names) | about)


def decimal_mark(path: Path, columns: Sequence[str], config: RegressConfig) -> DecimalMark:
    """Return the decimal mark of a table: the one that was chosen, or else the one that its numbers have.

    Raises:
        DataError: they can be read in two ways.
    """
    if config.decimal:
        return config.decimal
    finder = DecimalFinder(delimiter_of(path, config.delimiter))
    for row in read_table(path, columns, empty=columns, delimiter=config.delimiter):
        for name in columns:
            finder.add(row.values[name], f"{row.where}, column {name!r:.80}")
        if finder.mark:
            break
    return finder.found()


class _Series:
    """A series while its rows are read."""

    def __init__(self, missing: str, mark: DecimalMark, times: Sequence[str]) -> None:
        self.missing, self.times = missing, times
        self.mark: DecimalMark = mark
        self.inputs, self.targets, self.rows = array("d"), array("d"), array("q")
        self.filled = 0
        self._last: dict[str, str] = {}

    def add(self, row: Row, inputs: Sequence[str], targets: Sequence[str], static: Sequence[str]) -> None:
        self._check_order(row)
        before = self.inputs[-len(inputs) :]
        for n, name in enumerate(inputs):
            value = self._number(row, name)
            if math.isnan(value):
                value = self._filled(row, name, before[n] if before else math.nan)
            if name in static and before and value != before[n] and not (math.isnan(value) and math.isnan(before[n])):
                raise DataError(
                    f"{row.where}: the static column {name!r:.80} holds {value:g} here and {before[n]:g} before in the "
                    "same series: name it among --inputs if it changes, or the series with --series-column."
                )
            self.inputs.append(value)
        self.targets.extend(self._number(row, name) for name in targets)
        self.rows.append(int(row.where.rpartition(" ")[2]))

    def _check_order(self, row: Row) -> None:
        """Check that dates as ISO 8601 writes them rise; what is written otherwise is not looked at."""
        for name in self.times:
            text = (text_of(row.values[name]) or "").strip()
            if not ISO.fullmatch(text):
                continue
            last = self._last.get(name, "")
            if len(last) == len(text) and text <= last:
                raise DataError(
                    f"{row.where}: the {name} {text} does not come after {last}, that of the row before in the same "
                    "series: sort the rows by time, and say --series-column if they belong to several series."
                )
            self._last[name] = text

    def _number(self, row: Row, column: str) -> float:
        """Return the number in a column; nan if it is missing.

        Raises:
            DataError: it is something else, infinite or too large.
        """
        value = row.values[column]
        if is_missing(value):
            return math.nan
        number = parse_number(value, self.mark)
        if number is None or not abs(number) <= LARGEST:
            raise DataError(
                f"{row.where}: column {column!r:.80} holds {described(value)}, but a number of at most {LARGEST:g} is "
                f"needed, with {self.mark!r} as the decimal mark (--decimal): mend it, or leave it empty if it is not "
                "known."
            )
        return number

    def _filled(self, row: Row, name: str, before: float) -> float:
        if self.missing == "refuse":
            raise DataError(
                f"{row.where}: the input {name!r:.80} is missing. Fill it, or say --missing previous (the value before "
                "it) or --missing mean (the mean of the training part); missing targets are left out by themselves."
            )
        self.filled += 1
        return before if self.missing == "previous" else math.nan


def _name(row: Row, column: str) -> str:
    name = text_of(row.values[column])
    if name is None or not name.strip():
        raise DataError(f"{row.where}: column {column!r:.80} does not name the series that the row belongs to.")
    return name


def _from_arrays(path: Path, config: RegressConfig) -> Iterator[Row]:
    for n, row in enumerate(read_frames(path, label=TARGETS, optional=(NAME,))):
        x, y = np.asarray(row.values[FRAMES], np.float64), row.values.get("label")
        if y is not None:
            y = np.asarray(y)
            if y.dtype.kind not in "fiub" or y.ndim not in (1, 2):
                raise DataError(f"{path}: 'targets' should be numbers of shape (N, T) or (N, T, K).")
            y = y.astype(np.float64).reshape(len(x), -1)
            _check_size(row.where, y, "targets")
        bad = np.argwhere(np.isnan(x))
        if len(bad) and config.missing == "refuse":
            raise DataError(
                f"{row.where}, step {bad[0, 0] + 1}: input {bad[0, 1]} is missing: fill it, or say --missing previous "
                "or --missing mean."
            )
        _check_size(row.where, x, "frames")
        if config.missing == "previous":
            x = _previous(x)
        columns = [str(k) for k in range(x.shape[1])], [str(k) for k in range(0 if y is None else y.shape[1])]
        yield Row(row.where, series_values(str(row.values.get(NAME, n)), x, y, *columns))


def _check_size(where: str, values: NDArray[np.float64], name: str) -> None:
    bad = np.argwhere(np.abs(values) > LARGEST)
    if len(bad):
        raise DataError(
            f"{where}, step {bad[0, 0] + 1}: {name!r} holds {values[tuple(bad[0])]:g}, more than {LARGEST:g}."
        )


def _previous(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Replace nan by the last number before it, where there is one: (T, F)."""
    at = np.where(np.isnan(x), 0, np.arange(len(x))[:, None])
    return np.take_along_axis(x, np.maximum.accumulate(at), 0)


def _from_pair(pair: Pair, config: RegressConfig) -> Row:
    source, target = read_wav(pair.input), read_wav(pair.target)
    if source.rate != target.rate:
        raise DataError(
            f"{pair.input} has {source.rate:,} samples per second, but {pair.target} has {target.rate:,}: resample one."
        )
    if len(source.samples) != len(target.samples):
        raise DataError(
            f"{pair.input} has {len(source.samples):,} samples, but {pair.target} has {len(target.samples):,}: cut "
            "them to the same moments."
        )
    return _audio_row(str(pair), pair.input.stem, source, target.samples)


def _audio_row(where: str, name: str, source: Any, target: NDArray[Any] | None) -> Row:
    x = source.samples.astype(np.float64)
    y = None if target is None else target.astype(np.float64)
    for values in (x, y):
        if values is not None and not np.isfinite(values).all():
            raise DataError(f"{where}: sample {int(np.argmin(np.isfinite(values).all(1))) + 1} is nan or infinite.")
    channels = [_channels(kind, it) for kind, it in (("input", x), ("target", y))]
    return Row(where, series_values(name, x, y, *channels) | {"rate": source.rate})


def _channels(kind: str, samples: NDArray[Any] | None) -> list[str]:
    count = 0 if samples is None else samples.shape[1]
    return [kind] if count == 1 else [f"{kind} {k + 1}" for k in range(count)]


def _refuse_columns(path: Path, config: RegressConfig) -> None:
    if config.input_names or config.target_names or config.series_column:
        raise DataError(
            f"{path} has no columns: leave out --inputs, --targets, --static and --series-column. All numbers of its "
            "'frames' are inputs, all of its 'targets' are targets."
        )
