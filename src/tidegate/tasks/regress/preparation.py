"""From series to examples: the split in time, what is fitted on the training part, normalisation."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tidegate.data.columns import Encoded, Preprocessing
from tidegate.data.rows import Row, is_table
from tidegate.data.series.row_order import notes_of_rows
from tidegate.errors import DataError
from tidegate.io.files import field
from tidegate.io.wording import amount, quoted
from tidegate.tasks.parts_in_time import parts_in_time
from tidegate.tasks.regress.audio import Pair, delay, read_wav
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.linear_filter import fit_filter
from tidegate.tasks.regress.losses import STABILITY
from tidegate.tasks.regress.reader import read_series
from tidegate.tasks.regress.series_rows import NAME, TARGETS

BURN_IN = 100  # at most, where none is chosen


def remarks_on(path: Any, config: RegressConfig) -> list[str]:
    """Say by how much the target of a pair of recordings is late, unless that is the shift chosen; how tables are read.

    A table is described where what had to be found out is unusual, and where its times have gaps or are not in order.
    """
    if not isinstance(path, Pair):
        return notes_of_rows(path, read_series(path, config)) if is_table(path) else []
    source, target = read_wav(path.input), read_wav(path.target)
    found = delay(source.samples.mean(1), target.samples.mean(1))
    if found == config.shift:
        return []
    where = "after" if found > 0 else "before"
    size = f"{abs(found)} samples ({1000 * abs(found) / source.rate:.3g} ms) {where} the input" if found else "at once"
    return [
        f"{path}: by its cross-correlation the target comes {size}, and the shift is {config.shift}; it is not changed "
        f"unless you say --shift {found}"
    ]


def shifted(row: Row, steps: int) -> Row:
    """Pair each input with the target ``steps`` later; where there is none, it is not known."""
    targets = row.values[TARGETS]
    if targets is None or not steps:
        return row
    found = np.full_like(targets, np.nan)
    kept = max(0, len(targets) - abs(steps))
    if steps > 0:
        found[:kept] = targets[steps : steps + kept]
    else:
        found[len(targets) - kept :] = targets[:kept]
    return Row(row.where, row.values | {TARGETS: found})


def split_in_time(rows: Iterable[Row], shares: Sequence[float]) -> Iterator[tuple[str, Row]]:
    """Split each series in time; rows of later parts include the earlier parts, and say where they start.

    Raises:
        DataError: a series is too short.
    """
    for row in rows:
        x, y = row.values["inputs"], _targets(row)
        spans = parts_in_time(len(x), shares)
        if not spans:
            raise DataError(
                f"{row.where} has {len(x)} steps, too few to be split: give longer series, or validation files."
            )
        for part, start, end in spans:
            yield part, Row(row.where, row.values | {"inputs": x[:end], TARGETS: y[:end], "start": start})


def fit_series(rows: Iterable[Row], config: RegressConfig) -> tuple[Preprocessing, list[str]]:
    """Fit means, deviations, the burn-in and the linear filter of the baseline on the training part.

    Raises:
        DataError: there is no series or no known target, or two series have one name or other columns.
    """
    found = list(rows)
    if not found:
        raise DataError("The training part has no series.")
    first, names = found[0].values, set()
    for row in found:
        if row.values[NAME] in names:
            raise DataError(
                f"{row.where}: another series of the training part is called {quoted(row.values[NAME])}: names must "
                "differ."
            )
        names.add(row.values[NAME])
        _check_like(row, first["columns"], first["rate"])
    burn_in = config.burn_in
    if burn_in is None:
        burn_in = min(BURN_IN, min(len(row.values["inputs"]) for row in found) // 10)
    inputs, targets = (_statistics([row.values[it] for row in found]) for it in ("inputs", TARGETS))
    values: dict[str, Any] = {
        "inputs": list(first["columns"][0]),
        "targets": list(first["columns"][1]),
        "rate": first["rate"],
        "burn_in": burn_in,
        "input_mean": inputs[0].tolist(),
        "input_deviation": inputs[1].tolist(),
        "target_mean": targets[0].tolist(),
        "target_deviation": targets[1].tolist(),
        "energy": _energy(found, targets[1], config.pre_emphasis).tolist(),
        "series": {row.values[NAME]: (_spread(row.values[TARGETS]) / targets[1]).tolist() for row in found},
    }
    preprocessing = Preprocessing(values)
    pairs = ((normalised(row, preprocessing), normalised_targets(row, preprocessing)) for row in found)
    values["filter"] = fit_filter(pairs, config.taps, burn_in).ravel().tolist()
    return Preprocessing(values), _notes(found, burn_in)


def encode_series(row: Row, config: RegressConfig, preprocessing: Preprocessing, *, labelled: bool) -> Encoded:
    """Normalise a series; of a later part, with the steps before it that set the state.

    Raises:
        DataError: it has other columns than those of training, no target, or no step that counts.
    """
    inputs, targets = (preprocessing.vocabulary(it).entries for it in ("inputs", "targets"))
    _check_like(row, (inputs, targets if labelled else row.values["columns"][1]), preprocessing.number("rate"))
    x = normalised(row, preprocessing)
    name = np.frombuffer(row.values[NAME].encode(), np.uint8)
    if not labelled:
        return {"inputs": x, "name": name, "kept": row.values.get("kept", np.ones(len(x))).astype(np.uint8)}
    burn_in, start = preprocessing.number("burn_in"), row.values.get("start", 0)
    y = normalised_targets(row, preprocessing)
    begin = max(0, start - max(burn_in, config.taps - 1)) if start else 0
    skip = start - begin if start else burn_in
    if skip >= len(x) - begin:
        raise DataError(
            f"{row.where} has {len(x) - begin} steps, and none is left after the burn-in of {burn_in}: give longer "
            "series or a smaller --burn-in."
        )
    weights = _weights(row, config, preprocessing).astype(np.float32)[None]
    return {"inputs": x[begin:], "targets": y[begin:], "weights": weights, "skip": np.array([skip]), "name": name}


def normalised(row: Row, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return the inputs (T, F) in deviations from the mean; missing ones are 0.

    Raises:
        DataError: a value is too far from those of training.
    """
    found = np.nan_to_num(_scaled(row.values["inputs"], "input", preprocessing), nan=0.0, posinf=np.inf, neginf=-np.inf)
    if not np.isfinite(found).all():
        raise DataError(f"{row.where}: an input is too far from those of training to be computed with: check its unit.")
    return found


def normalised_targets(row: Row, preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return the targets (T, K) in deviations from the mean; nan where none is known.

    Raises:
        DataError: there are none, or one is too far from those of training.
    """
    found = _scaled(_targets(row), "target", preprocessing)
    if np.isinf(found).any():
        raise DataError(f"{row.where}: a target is too far from those of training to be computed with: check its unit.")
    return found


def _targets(row: Row) -> NDArray[np.float64]:
    if row.values[TARGETS] is None:
        lacking = row.values.get("lacking")
        what = f"there is no column {quoted(lacking[0])}" if lacking else "there are no targets"
        raise DataError(f"{row.where}: {what}, from which to learn or to measure: give inputs and targets.")
    return row.values[TARGETS]


def _scaled(values: NDArray[np.float64], name: str, preprocessing: Preprocessing) -> NDArray[np.float32]:
    mean, deviation = (np.array(preprocessing.numbers(f"{name}_{it}", values.shape[1])) for it in ("mean", "deviation"))
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        return ((values - mean) / deviation).astype(np.float32)


def _check_like(row: Row, columns: tuple[Sequence[str], Sequence[str]], rate: int) -> None:
    for kind, own, known in zip(("inputs", "targets"), row.values["columns"], columns, strict=True):
        if list(own) != list(known):
            raise DataError(
                f"{row.where} has the {kind} {', '.join(own)}, but those of training are {', '.join(known)}."
            )
    if row.values["rate"] != rate:
        raise DataError(
            f"{row.where} has {row.values['rate']:,} samples per second, but the first series of training has "
            f"{rate:,}: resample it."
        )


def _statistics(series: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each column over all series; the deviation of equal values is 1."""
    together = np.concatenate(series)
    known = np.isfinite(together)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, together, 0.0).sum(0) / count
    deviation = np.sqrt(np.square(np.where(known, together - mean, 0.0)).sum(0) / count)
    return mean, np.where(deviation > 1e-12 * np.abs(mean), deviation, 1.0)


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array([column[np.isfinite(column)].std() if np.isfinite(column).any() else 0.0 for column in values.T])


def _energy(rows: Sequence[Row], deviation: NDArray[np.float64], pre_emphasis: float) -> NDArray[np.float64]:
    """Return the mean square of each target after pre-emphasis, in squared deviations; 1 where it is 0."""
    total, count = np.zeros(len(deviation)), np.zeros(len(deviation))
    for row in rows:
        y = row.values[TARGETS] / deviation
        filtered = y - pre_emphasis * np.concatenate([np.zeros((1, y.shape[1])), np.nan_to_num(y[:-1])])
        known = np.isfinite(filtered)
        total += np.square(np.where(known, filtered, 0.0)).sum(0)
        count += known.sum(0)
    return np.where(total > 0, total / np.maximum(count, 1), 1.0)


def _weights(row: Row, config: RegressConfig, preprocessing: Preprocessing) -> NDArray[np.float64]:
    """Return the weight of each target's errors (K,), see `tidegate.tasks.regress.losses`."""
    count = len(preprocessing.numbers("target_mean"))
    if config.loss == "esr":
        return 1 / np.array(preprocessing.numbers("energy", count))
    if config.loss != "nse":
        return np.ones(count)
    known = field(preprocessing.values, preprocessing.path, "series", dict).get(row.values[NAME])
    if known is None:  # a series that is new
        deviation = np.array(preprocessing.numbers("target_deviation", count))
        spread = _spread(_targets(row)) / deviation
    else:
        spread = np.array(Preprocessing({"it": known}, preprocessing.path).numbers("it", count))
    return 1 / (spread + STABILITY) ** 2


def _notes(rows: Sequence[Row], burn_in: int) -> list[str]:
    steps = sum(len(row.values["inputs"]) for row in rows)
    columns = rows[0].values["columns"]
    each = amount(steps / len(rows), "step") + " on average" * (len(rows) > 1)
    notes = [
        f"series: {len(rows):,} of {each} in the training part, of which the first {burn_in:,} do not count",
        f"inputs: {', '.join(columns[0])}; targets: {', '.join(columns[1])}",
    ]
    for n, name in enumerate(columns[1]):
        unknown = sum(int(np.isnan(row.values[TARGETS][:, n]).sum()) for row in rows)
        if unknown == steps:
            raise DataError(f"The training part has no value of the target {quoted(name)}.")
        if unknown:
            notes.append(f"{unknown:,} of {steps:,} values of {name} are not known in the training part: left out")
    filled = sum(row.values.get("filled", 0) for row in rows)
    if filled:
        notes.append(f"{filled:,} missing inputs of the training part were filled, as --missing says")
    return notes
