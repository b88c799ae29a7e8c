"""How often the gradient was clipped in training, which is where exploding gradients show."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tidegate.drawing import caption_html, line_chart_svg
from tidegate.drawing.charted import Charted
from tidegate.errors import RunFolderError
from tidegate.io.files import field
from tidegate.lens.notebook import together
from tidegate.train import Run
from tidegate.train.metrics import NAME


@dataclass(frozen=True)
class Clipping(Charted):
    """Gradient norms and clipping over a run's training; each report is of the steps since the previous one.

    Attributes:
        threshold: the norm to which larger gradients were clipped; None if there was no clipping.
        steps: (N,) optimizer steps at each report.
        shares: (N,) the share of those steps whose gradient was clipped, 0 to 1.
        norms: (N,) the mean norm of the gradient before clipping.
    """

    threshold: float | None
    steps: NDArray[np.int64]
    shares: NDArray[np.float64]
    norms: NDArray[np.float64]

    @property
    def share(self) -> float:
        """The share of clipped steps over the whole training."""
        return float(np.average(self.shares, weights=np.diff(self.steps, prepend=0)))

    def __str__(self) -> str:
        if self.threshold is None:
            return f"no gradient was clipped in {self.steps[-1]:,} steps: there is no threshold"
        return f"{self.share:.1%} of {self.steps[-1]:,} steps had a gradient norm above {self.threshold:g}"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: the gradient's norm beside the threshold, and the share of clipped steps."""
        return together(caption_html(str(self)), *self._charts())

    def _charts(self) -> list[str]:
        norms = {"mean norm before clipping": (self.steps, self.norms)}
        if self.threshold is not None:
            norms["threshold"] = (self.steps, np.full(len(self.steps), self.threshold))
        return [
            line_chart_svg(norms, log_y=True, x_label="training step", y_label="gradient"),
            line_chart_svg({"": (self.steps, self.shares)}, x_label="training step", y_label="share clipped"),
        ]


def clipping(run: Run) -> Clipping:
    """Return the share of training steps in which the gradient was clipped, over training.

    It is read from ``metrics.jsonl``, which has one report every ``report_every`` steps. (With fp16, steps that were
    skipped because their scaled gradient overflowed do not count.)

    Args:
        run: from `tidegate.train.load_run`.

    Raises:
        RunFolderError: ``metrics.jsonl`` is missing, altered, or holds no report.
    """
    path = run.folder / NAME
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        records = [json.loads(line) for line in lines[:-1]]  # the last line may still be being written
    except FileNotFoundError:
        raise RunFolderError(f"{path} is missing: how often the gradient was clipped is unknown.") from None
    except (ValueError, RecursionError) as error:
        raise RunFolderError(f"{path} is not whole lines of JSON ({error}): it was altered.") from error
    reports = [it for it in records if isinstance(it, dict) and it.get("event") == "train"]
    steps = np.array([field(it, path, "step", int) for it in reports], np.int64)
    shares, norms = (
        np.array([field(it, path, name, float) for it in reports]) for name in ("clipped_share", "gradient_norm")
    )
    if not len(steps) or (np.diff(steps, prepend=0) <= 0).any():
        raise RunFolderError(f"{path} has no report of training, or reports out of order.")
    return Clipping(run.config.train.clip, steps, shares, norms)
