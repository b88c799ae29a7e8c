"""What the page is told first: which runs, which screens, which names."""

from __future__ import annotations

from typing import Any

from tidegate import __version__
from tidegate.cells import get_cell
from tidegate.lens.session.session import Looked
from tidegate.serve.palette import palette
from tidegate.serve.screens import SCREENS


def about(looking: Looked) -> dict[str, Any]:
    """The runs, their make, and the screens there are for them."""
    runs = []
    for run in looking.runs:
        config = run.config.model
        cell = get_cell(config.cell)
        runs.append(
            {
                "name": run.folder.name,
                "task": run.config.task,
                "cell": cell.name,
                "names": list(cell.recorded),
                "states": list(cell.states),
                "layers": config.num_layers,
                "units": config.hidden_size,
                "unit": run.config.prediction_name,
                "step": run.step,
                "validation": run.validation,
                "split": run.config.split_kind,
                "baselines": run.config.baselines,
            }
        )
    task = looking.run.config.task
    screens = [{"name": it.name, "title": it.titles.get(task, it.title)} for it in SCREENS if it.shown(looking)]
    return {"version": __version__, "runs": runs, "screens": screens, "palette": palette()}
