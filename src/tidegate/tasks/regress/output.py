"""Predictions at every step as a file: a table, or a recording."""

import codecs
import csv
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tidegate.data.rows import Row
from tidegate.errors import ArgumentError
from tidegate.io.files import replacing
from tidegate.tasks.regress.audio import is_audio, write_wav
from tidegate.tasks.regress.reader import NAME


def write_predictions(found: Iterable[tuple[Row, dict[str, Any]]], path: Path) -> None:
    """Write predictions for series to a file, whole or not at all.

    Args:
        found: the series, each with its prediction.
        path: ``.csv``, a line for each step: the series, the number of its row in a table or of the step, and a column
            for each target; or ``.wav``, of one recording.

    Raises:
        ArgumentError: it is called otherwise; or a recording is to be written of anything but one recording.
    """
    if is_audio(path):
        _write_recording(list(found), path)
        return
    if path.suffix.lower() != ".csv":
        raise ArgumentError(f"{path}: predictions are written to files called .csv or .wav.")
    with replacing(path) as file:
        lines = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\n")
        begun = False
        for row, prediction in found:
            rows = row.values.get("rows")
            if not begun:
                lines.writerow([NAME, "step" if rows is None else "row", *prediction["values"]])
                begun = True
            places = count(1) if rows is None else rows.tolist()
            for place, *values in zip(places, *prediction["values"].values(), strict=False):
                lines.writerow([row.values[NAME], place, *(f"{value:.9g}" for value in values)])


def _write_recording(found: list[tuple[Row, dict[str, Any]]], path: Path) -> None:
    if len(found) != 1 or not found[0][0].values["rate"]:
        recordings = sum(row.values["rate"] > 0 for row, _ in found)
        raise ArgumentError(
            f"{path}: one recording is written, but {len(found)} series were read, {recordings} of them from WAV "
            "files: give one WAV file, or write .csv."
        )
    ((row, prediction),) = found
    write_wav(path, row.values["rate"], np.stack(list(prediction["values"].values()), 1))
