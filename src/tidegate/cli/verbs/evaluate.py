"""``tidegate evaluate RUN [FILES]``: the metrics of a trained model beside those of baselines."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tidegate.cli.decoding_overrides import Beam, LengthPenalty, MaxLength, decoding
from tidegate.cli.devices import Device, chosen_device
from tidegate.cli.early_checks import check_paths
from tidegate.cli.error_boundary import note
from tidegate.cli.reading_overrides import DateFormat, Decimal, Delimiter, reading
from tidegate.cli.user_code import OwnCell, OwnTask, load_user_code
from tidegate.errors import ArgumentError

__all__ = ["evaluate"]

FORECASTS = "Backtests (forecast)"
CACHE = "Continuous cache (lm)"
DYNAMIC = "Dynamic evaluation (lm)"


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILES", help="Other text or examples to evaluate on.")
    ] = None,
    split: Annotated[
        Literal["test", "validation", "train"] | None,
        typer.Option(help="Part of the run's own data. Default: test if there is one, else validation."),
    ] = None,
    pattern: Annotated[str, typer.Option(help="Which files of a folder to read.")] = "*",
    batch_size: Annotated[int, typer.Option(min=1, help="Streams of text read side by side.")] = 32,
    limit: Annotated[int | None, typer.Option(min=2, help="Read only the first N tokens.")] = None,
    backtest: Annotated[
        int | None, typer.Option(min=1, help="Forecast from the last N origins.", rich_help_panel=FORECASTS)
    ] = None,
    forecast_stride: Annotated[
        int | None,
        typer.Option(min=1, help="Steps between origins, with FILES. Default: the run's.", rich_help_panel=FORECASTS),
    ] = None,
    cache: Annotated[
        int | None,
        typer.Option(min=1, help="Mix in a cache of the last N tokens and their states.", rich_help_panel=CACHE),
    ] = None,
    cache_theta: Annotated[
        float | None,
        typer.Option(min=0, help="How much the likeness of states counts. Default: 0.3.", rich_help_panel=CACHE),
    ] = None,
    cache_weight: Annotated[
        float | None, typer.Option(min=0, max=1, help="The cache's share. Default: 0.1.", rich_help_panel=CACHE)
    ] = None,
    dynamic: Annotated[
        Literal["sgd", "rms"] | None,
        typer.Option(
            help="Let a copy of the model learn from each segment once it is predicted; one stream.",
            rich_help_panel=DYNAMIC,
        ),
    ] = None,
    dynamic_learning_rate: Annotated[
        float | None,
        typer.Option(min=0, help="Learning rate. Default: 0.1 for sgd, 0.00005 for rms.", rich_help_panel=DYNAMIC),
    ] = None,
    dynamic_decay: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Decay to the trained parameters. Default: 0.001 for sgd, 0.002 for rms.",
            rich_help_panel=DYNAMIC,
        ),
    ] = None,
    dynamic_segment: Annotated[
        int | None, typer.Option(min=1, help="Tokens of a segment. Default: 5.", rich_help_panel=DYNAMIC)
    ] = None,
    beam: Beam = None,
    length_penalty: LengthPenalty = None,
    max_length: MaxLength = None,
    delimiter: Delimiter = None,
    decimal: Decimal = None,
    date_format: DateFormat = None,
    weights: Annotated[
        Literal["int8"] | None,
        typer.Option(help="Round the recurrent layers' weights, as `tidegate generate --weights int8` does."),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="The results as one JSON object.")] = False,
    task: OwnTask = None,
    cell: OwnCell = None,
) -> None:
    """Evaluate a model beside baselines: in nats per token, or by the metrics of its task.

    Examples:
        tidegate evaluate runs/demo
        tidegate evaluate runs/demo --split validation --json
        tidegate evaluate runs/names other_names.csv
    """
    if files and split:
        raise typer.BadParameter(
            "leave it out if FILES are given: it names a part of the run's own data", param_hint="--split"
        )
    check_paths(run, files)
    from tidegate.train import load_run
    from tidegate.train.task import EvaluationOptions

    if forecast_stride and not backtest:
        raise typer.BadParameter("give it with --backtest N", param_hint="--forecast-stride")
    if cache is None and (cache_theta is not None or cache_weight is not None):
        raise typer.BadParameter(
            "give it with --cache N", param_hint="--cache-weight" if cache_theta is None else "--cache-theta"
        )
    learning = {"learning_rate": dynamic_learning_rate, "decay": dynamic_decay, "segment": dynamic_segment}
    learning = {name: value for name, value in learning.items() if value is not None}
    if dynamic is None and learning:
        raise typer.BadParameter(
            "give it with --dynamic sgd or --dynamic rms",
            param_hint=f"--dynamic-{next(iter(learning)).replace('_', '-')}",
        )
    if weights and dynamic:
        raise typer.BadParameter("a model that learns does not keep rounded weights", param_hint="--weights")
    load_user_code(task, cell)
    loaded = load_run(run, device=chosen_device(device))
    if weights:
        from tidegate.nn import round_to_int8_

        round_to_int8_(loaded.model)
        note("The recurrent layers' weights are rounded to int8.")
    model = decoding(loaded, beam=beam, length_penalty=length_penalty, max_length=max_length)
    model = reading(loaded, model, delimiter=delimiter, decimal=decimal, date_format=date_format)
    options = EvaluationOptions(
        split=split,
        pattern=pattern,
        batch_size=batch_size,
        limit=limit,
        model=model,
        cache=_cache(cache, cache_theta, cache_weight),
        dynamic=_dynamic(dynamic, learning),
    )
    if backtest is not None:
        from tidegate.tasks.forecast.backtest import backtest_run

        result = backtest_run(loaded, files or [], backtest, stride=forecast_stride, options=options)
    else:
        result = loaded.task.evaluate(loaded, files or [], options)
    for line in result.notes:
        note(line)
    typer.echo(_json(result.record, run) if as_json else result.text)


def _json(record: Mapping[str, Any] | None, run: Path) -> str:
    """Return a record as JSON, in which numbers that are not finite are null."""
    if record is None:
        raise ArgumentError(f"The task of {run} gives its results as text only: leave --json out.")

    def finite(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: finite(it) for name, it in value.items()}
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(finite(record), ensure_ascii=False)


def _cache(size: int | None, theta: float | None, weight: float | None) -> Any:
    if size is None:
        return None
    from tidegate.text.continuous_cache import Cache

    chosen = {name: value for name, value in (("theta", theta), ("weight", weight)) if value is not None}
    return Cache(size, **chosen)


def _dynamic(rule: Literal["sgd", "rms"] | None, options: Mapping[str, Any]) -> Any:
    if rule is None:
        return None
    from tidegate.text.dynamic_evaluation import DynamicEvaluation

    return DynamicEvaluation(rule, **options)
