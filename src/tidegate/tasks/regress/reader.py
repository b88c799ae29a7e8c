"""Read series with inputs and targets at every step: from tables, ``.npz`` files, or pairs of WAV files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.array_files import holds_arrays
from tidegate.data.frames import FRAMES, read_frames
from tidegate.data.rows import Row, is_table
from tidegate.errors import DataError
from tidegate.tasks.regress.audio import Pair, is_audio, paired, read_wav
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.series_rows import LARGEST, NAME, TARGETS, previous, series_values
from tidegate.tasks.regress.table_reader import read_series_of_table

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
        path: a table, whose rows are put in order of time by their time column, or are in order if none is named (dates
            in ISO 8601 are checked, in a column called date or time); a ``.npz`` file with ``frames`` (N, T, F) and
            ``targets`` (N, T, K) or (N, T), perhaps ``lengths`` and names ``series`` (N,); a pair of WAV files, or one
            WAV file as the input alone.
        config: names the columns of tables, and says what a missing input becomes.

    Yields:
        Rows with "series" (its name), "inputs" (T, F) float64, in which nan is to become the mean, "targets" (T, K)
        with nan where there is none, or None if the file has no targets; "columns", the names of inputs and targets;
        "rate", samples per second of audio, else 0. Of tables also "rows", the numbers of the rows in order of time,
        "kept" (T,), which steps they are, "order", their times, and "notes", what the user should know of these.

    Raises:
        DataError: a column is missing, an input is missing or not a number, or the parts of a pair do not fit.
    """
    if isinstance(path, Pair):
        _refuse_times(path, config)
        yield _from_pair(path, config)
    elif is_audio(path):
        _refuse_times(path, config)
        yield _audio_row(str(path), path.stem, read_wav(path), None)
    elif holds_arrays(path):
        _refuse_columns(path, config)
        yield from _from_arrays(path, config)
    elif is_table(path):
        yield from read_series_of_table(path, config)
    else:
        raise DataError(f"{path} is not {KNOWN}.")


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
            x = previous(x)
        columns = [str(k) for k in range(x.shape[1])], [str(k) for k in range(0 if y is None else y.shape[1])]
        yield Row(row.where, series_values(str(row.values.get(NAME, n)), x, y, *columns))


def _check_size(where: str, values: NDArray[np.float64], name: str) -> None:
    bad = np.argwhere(np.abs(values) > LARGEST)
    if len(bad):
        raise DataError(
            f"{where}, step {bad[0, 0] + 1}: {name!r} holds {values[tuple(bad[0])]:g}, more than {LARGEST:g}."
        )


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


def _refuse_times(path: Path | Pair, config: RegressConfig) -> None:
    if config.time_column:
        raise DataError(f"{path} has no column of times: leave out --time-column.")


def _refuse_columns(path: Path, config: RegressConfig) -> None:
    _refuse_times(path, config)
    if config.input_names or config.target_names or config.series_column:
        raise DataError(
            f"{path} has no columns: leave out --inputs, --targets, --static and --series-column. All numbers of its "
            "'frames' are inputs, all of its 'targets' are targets."
        )
