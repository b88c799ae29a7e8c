"""Train on and predict for data frames of pandas, polars or pyarrow."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tidegate.data.series.written_times import TIME
from tidegate.errors import ArgumentError, DataError
from tidegate.io.optional import needed
from tidegate.io.wording import quoted
from tidegate.tasks.base_task import ExamplesConfig
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.prediction_table import arrow_table, prediction_table
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.predict_rows import check_rows
from tidegate.train import TrainConfig, load_run, new_run, train
from tidegate.train.config import SAMPLING
from tidegate.train.options import with_settings
from tidegate.train.run_folder import Run

INDEX = "__index_level_0__"  # how an index without a name is called in Arrow
LIBRARIES = ("pandas", "polars", "pyarrow")
BUDGETS = ("epochs", "steps", "minutes")


def train_frame(
    frame: Any,
    folder: str | Path,
    *,
    splits: str = "80/10/10",
    overwrite: bool = False,
    training: Mapping[str, Any] | None = None,
    **config: Any,
) -> Run:
    """Train a forecaster on the series of a data frame, as ``tidegate train forecast`` does on those of a file.

    Columns are what they are in a file: `tidegate.tasks.forecast.series.reader` says how they are found. An index of
    times or with a name is a column too.

    Example::

        run = train_frame(sales, "runs/sales", series_column="shop", target="sold", horizon=14,
                          distribution="negative_binomial", training={"minutes": 2})
        ahead = predict_frame(run, sales)

    Args:
        frame: a data frame of pandas or polars, or a table of pyarrow.
        folder: the run folder.
        splits: fractions for training, validation and test.
        overwrite: whether to replace a run in that folder.
        training: settings of `tidegate.train.TrainConfig`. Default: those of the command line.
        **config: settings of `tidegate.tasks.forecast.config.ForecastConfig`, the options of the command line. Names of
            several columns may be a list.

    Returns:
        The run, with its best checkpoint.

    Raises:
        ArgumentError: the frame is of another library, or a setting is unknown or out of range.
        DataError: the frame cannot be used; the message names the row, counted from 1.
        RunFolderError: the folder holds a run.
        MissingDependencyError: pyarrow is not installed.
    """
    columns = {name: _joined(name, value) for name, value in config.items()}
    model = with_settings(ForecastConfig(), columns, lambda name: ArgumentError(f"There is no setting {name!r}."))
    given = dict(training or {})
    kept = set(ForecastTask.training_defaults) - {"epochs", *(SAMPLING[1:] if "feeding" not in given else ())}
    defaults = {name: ForecastTask.training_defaults[name] for name in kept}
    settings = with_settings(TrainConfig(), defaults | given, lambda name: ArgumentError(f"There is no {name!r}."))
    with _written(frame) as path:
        options = ExamplesConfig(splits=splits)
        data = new_run(
            folder,
            lambda to: ForecastTask.prepare([str(path)], model, options, to),
            task=ForecastTask.name,
            overwrite=overwrite,
        )
    if not set(BUDGETS) & set(given):
        epochs = ForecastTask.default_epochs(data, settings.batch_size)
        settings = with_settings(settings, {"epochs": epochs}, ArgumentError)
    train(folder, data, model, settings, task=ForecastTask.name)
    return load_run(folder)


def predict_frame(run: Run, frame: Any, *, paths: bool = False, batch_size: int = 64) -> Any:
    """Forecast the series of a data frame.

    Args:
        run: a run of ``forecast``.
        frame: the series, with the columns of those the run was trained on.
        paths: whether to add the sample paths.
        batch_size: series at a time.

    Returns:
        A frame of the same library with a row for each step: "series", "time", "step", "mean", "q0.1" to "q0.9", and
        "path1" and so on; of several targets also "target". Times have the type that they have in the frame.

    Raises:
        ArgumentError: the frame is of another library, or the run of another task.
        DataError: the frame cannot be used, or its times are irregular.
        MissingDependencyError: pyarrow is not installed.
    """
    if not issubclass(run.task, ForecastTask):
        raise ArgumentError(f"Forecasts need a run of forecast, but {run.place} is one of {run.config.task}.")
    task = run.task(run.config.model, run.vocabulary)
    task.keeps_paths = paths
    with _written(frame) as path:
        rows = list(task.read(path, task.config))
        check_rows(task, rows)
        kind = _type_of_times(path, {row.values["order"].column for row in rows})
    found = arrow_table(prediction_table(task.predict_rows(run.model, rows, batch_size=batch_size)))
    if kind is not None and found.schema.field(TIME).type != kind:
        found = found.set_column(found.schema.get_field_index(TIME), TIME, found[TIME].cast(kind))
    if _library(frame) == "polars":
        return needed("polars", "Data frames of polars need").from_arrow(found)
    return found.to_pandas() if _library(frame) == "pandas" else found


def _joined(name: str, value: Any) -> Any:
    """Return a list of columns as the command line has it, separated by commas."""
    if not isinstance(value, list | tuple):
        return value
    if bad := [it for it in value if not isinstance(it, str) or "," in it]:
        raise ArgumentError(f"{name} has {quoted(bad[0])}, but should be names of columns without commas: rename it.")
    return ",".join(value)


@contextmanager
def _written(frame: Any) -> Iterator[Path]:
    """Write a frame to a Parquet file in a folder that is removed afterwards."""
    _library(frame)
    arrow, parquet = (needed(name, "Reading data frames needs") for name in ("pyarrow", "pyarrow.parquet"))
    try:
        table = arrow.table(frame)
    except (ValueError, TypeError) as error:  # as of columns with the same name, or of numbers and texts in one
        raise DataError(f"The frame cannot be read as a table: {error}") from error
    if INDEX in table.column_names and arrow.types.is_timestamp(table.schema.field(INDEX).type):
        if TIME in table.column_names:
            raise ArgumentError(f"The frame has times in its index and in its column {TIME!r}: leave out one.")
        table = table.rename_columns([TIME if name == INDEX else name for name in table.column_names])
    with tempfile.TemporaryDirectory(prefix="tidegate-") as folder:
        path = Path(folder, "frame.parquet")
        parquet.write_table(table, path)
        yield path


def _library(frame: Any) -> str:
    name = type(frame).__module__.partition(".")[0]
    if name not in LIBRARIES or not hasattr(frame, "__arrow_c_stream__"):
        raise ArgumentError(
            f"The frame is a {type(frame).__module__}.{type(frame).__qualname__}, but should be a data frame of pandas "
            "or polars, or a table of pyarrow."
        )
    return name


def _type_of_times(path: Path, columns: set[str | None]) -> Any:
    """Return the Arrow type of the column of times if they are dates or timestamps; else None."""
    arrow, parquet = (needed(name, "Reading data frames needs") for name in ("pyarrow", "pyarrow.parquet"))
    kinds = [parquet.read_schema(path).field(name).type for name in columns if name is not None]
    return next((it for it in kinds if arrow.types.is_timestamp(it) or arrow.types.is_date(it)), None)
