"""Tables of series as people have them: odd but honest ones are learned from, forecast and looked at."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tidegate.data.buckets import pad
from tidegate.data.sources import Sources
from tidegate.errors import DataError
from tidegate.lens.tasks.example import Example
from tidegate.lens.tasks.forecaster import look_at_series
from tidegate.tasks.encode_examples import prepare_examples
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.model import Forecaster
from tidegate.tasks.forecast.series.reader import read_series
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.train import TrainConfig

SMALL: dict[str, Any] = {"hidden_size": 4, "window": 12, "horizon": 4, "paths": 8}
STEPS = 60
Y = np.round(np.sin(np.arange(STEPS) / 3) * 1000 + 2000, 2)
START = datetime(2024, 2, 20)


def comma(value: float) -> str:
    return f"{value:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".")


def days(form: str, n: int) -> str:
    return (START + timedelta(days=n)).strftime(form)


def rows(head: str, line: Callable[[int], str], *, order: Any = range(STEPS), end: str = "\n") -> str:
    return end.join([head, *(line(n) for n in order)]) + end


ODD: dict[str, tuple[str, dict[str, Any], str]] = {
    "German": (
        rows("Datum;Umsatz", lambda n: f"{days('%d.%m.%Y', n)};{comma(Y[n])}"),
        {"time_column": "Datum"},
        "columns separated by ';', decimal commas, dates as day.month.year (%d.%m.%Y)",
    ),
    "American": (
        rows("date,sales", lambda n: f'{days("%m/%d/%Y 12:00 AM", n)},"{Y[n]:,.2f}"'),
        {},
        "dates as month/day/year (%m/%d/%Y)",
    ),
    "declared": (rows('sep=;\ntime;"y;z"', lambda n: f"{n};{Y[n]}"), {}, "columns separated by ';'"),
    "tabs and month names": (
        rows("date\ty", lambda n: f"{days('%b %d, %Y', n)}\t{Y[n]}"),
        {},
        "columns separated by 'tab', dates as month name day, year (%b %d, %Y)",
    ),
    "bars, not in order": (
        rows("ds|y", lambda n: f"{days('%Y/%m/%d', n)}|{Y[n]}", order=range(STEPS - 1, -1, -1), end="\r\n\r\n"),
        {},
        "row 2: its time is before that of row 1",
    ),
    "milliseconds": (
        rows("timestamp,y", lambda n: f"{1704067200000 + 3600000 * n},{Y[n]}"),
        {"date_format": "epoch-ms"},
        "",
    ),
    "local times": (
        rows(
            "time,y",
            lambda n: f"{datetime(2024, 10, 26) + timedelta(hours=n - (n > 26)):%Y-%m-%d %H:%M},{Y[n]}",
        ),
        {"time_zone": "Europe/Berlin", "clock_changes": "resolve"},
        "row 27: column 'time' holds '2024-10-27 02:00', which occurs twice in Europe/Berlin",
    ),
    "gaps": (
        rows("date,y", lambda n: f"{days('%Y-%m-%d', n)},{'NA' if n in (3, 4, 57) else Y[n]}"),
        {"missing": "mask"},
        "row 4: in the series 'y' 3 values are missing, the first here: masked",
    ),
    "rows left out": (
        rows("date,y", lambda n: f"{days('%Y-%m-%d', n)},{Y[n]}", order=[n for n in range(STEPS) if n not in (7, 50)]),
        {"missing": "interpolate", "missing_rows": "fill"},
        "2 rows are missing between steps of 1 day, in 2 gaps",
    ),
    "different lengths": (
        rows("\ufeffday,a,b", lambda n: f"{n},{Y[n] if n > 5 else ''},{Y[n] if n < 50 else ''}"),
        {"missing": "mask"},
        "row 7: here the series 'a' begins, after 6 rows without a value",
    ),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_tables_are_learned_from_and_forecast(tmp_path: Path, name: str):
    text, options, told = ODD[name]
    path = tmp_path / "data.csv"
    path.write_bytes(text.encode())
    config = ForecastConfig(**SMALL, **options)
    data = prepare_examples(ForecastTask, Sources((path,)), config, tmp_path / "run")
    assert any(told in note for note in data.notes)
    task = ForecastTask(config, data.preprocessing, data, TrainConfig(backend="reference", batch_size=4))
    torch.manual_seed(0)
    model = task.new_model()
    assert isinstance(model, Forecaster)
    loss = task.loss(model, task.batches(0, 1).batch(0, 0), {}, 0.0).mean
    loss.backward()
    assert all(it.grad is not None and it.grad.isfinite().all() for it in model.parameters())
    with torch.inference_mode():
        report = task.measure(model.eval(), data.parts["validation"], tables=False)
    assert np.isfinite(report.metrics[0].value)
    series = list(task.read(path, config))
    for (row, prediction), own in zip(task.predict_rows(model, series), series, strict=True):
        assert row is own
        assert np.isfinite(prediction["mean"]).all()
        assert 0 < np.mean(prediction["mean"]) < 4000  # the unit is that of the file
    (encoded,) = task.encode(series[0], config, task.preprocessing, labelled=False)
    columns = {column: pad([it]) for column, it in encoded.items()}
    with torch.inference_mode():
        looked = look_at_series(task, model, Example(encoded, columns, series[0], None))
    assert looked.truth is None
    example = data.parts["test"].rows([0])
    encoded = {column: found[0] for column, found in example.items()}
    columns = {column: pad(found) for column, found in example.items()}
    with torch.inference_mode():
        evaluated = look_at_series(task, model, Example(encoded, columns, None, None))
    np.testing.assert_array_equal(evaluated.truth["values"], encoded["reference"][:, 0])  # nan where it is missing
    np.testing.assert_allclose(looked.history[-1], series[0].values["values"][-1], rtol=1e-5)


def dated(value: Callable[[int], Any]) -> str:
    return rows("date,y", lambda n: f"{days('%Y-%m-%d', n)},{value(n)}")


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "month or day": (
        rows("date,y", lambda n: f"{n % 12 + 1:02}/01/20{n // 12 + 10},{Y[n]}"),
        {},
        r"row 2: '02/01/2010' is 2010-01-02 as day/month/year .* or 2010-02-01 .*--date-format",
    ),
    "points of thousands": (
        rows("date;y", lambda n: f"2{n:03};{n + 1}.000"),
        {},
        r"row 1, column 'y': '1.000' may be a number of thousands .*--decimal",
    ),
    "commas of thousands": (
        rows("y", lambda n: f'"{n + 1},000"'),
        {},
        "'1,000' may be .*--decimal",
    ),
    "two delimiters": (rows("a,b;c", lambda n: f"{n},1;2"), {}, "separated by ',' .* or ';' .*--delimiter"),
    "mixed dates": (
        rows("date,y", lambda n: f"{days('%d/%m/%Y' if n < 40 else '%Y-%m-%d', n)},1"),
        {},
        r"row 41: .*'2024-03-31', which is not written as day/month/year .*--date-format",
    ),
    "mixed marks": (
        rows("date;y", lambda n: f"{days('%Y-%m-%d', n)};{comma(Y[n]) if n < 30 else Y[n]}"),
        {},
        r"row 31: .*other numbers of the file are written with decimal commas: .*--decimal \.",
    ),
    "empty cell": (dated(lambda n: "" if n == 9 else 1), {}, r"row 10: column 'y' is empty: .*--missing mask"),
    "an hour twice": (
        rows("time,y", lambda n: f"2024-10-27 0{n}:00,1", order=range(4)),
        {"time_zone": "Europe/Berlin"},
        r"row 3: .*occurs twice in Europe/Berlin.*--clock-changes resolve",
    ),
    "rows left out": (
        rows("time,y", lambda n: f"{n + 5 * (n > 9)},1"),
        {"missing_rows": "refuse"},
        r"5 rows are missing .*row 10 \(9\).*--missing-rows fill",
    ),
    "series not said": (
        rows("id,date,y", lambda n: f"{n % 2},{days('%Y-%m-%d', n // 2)},1"),
        {"target": "y"},
        r"row 2: there is the same time as in row 1, .*--series-column",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_tables_that_can_be_read_in_two_ways_are_refused(tmp_path: Path, name: str):
    text, options, message = REFUSED[name]
    (tmp_path / "data.csv").write_text(text)
    config = ForecastConfig(**SMALL, **options)
    with pytest.raises(DataError, match=message):
        prepare_examples(ForecastTask, Sources((tmp_path / "data.csv",)), config, tmp_path / "run")


def test_the_only_column_of_dates_is_that_of_times(tmp_path):
    path = tmp_path / "absatz.csv"
    path.write_text("Datum;Absatz\n02.02.2024;2,5\n01.02.2024;1,5\n31.01.2024;0,5\n")
    (row,) = read_series(path)
    assert row.values["values"].tolist() == [0.5, 1.5, 2.5]
    assert any("times are in column 'Datum'" in note for note in row.values["notes"])
    path.write_text("start,end,sold\n2024-01-01,2024-01-02,1\n2024-01-02,2024-01-03,2\n")
    with pytest.raises(DataError, match="--time-column"):
        list(read_series(path))
