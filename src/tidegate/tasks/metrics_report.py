"""Metrics of a model beside those of baselines."""

from dataclasses import dataclass, field

from tidegate.drawing.brief import brief_repr
from tidegate.train.task import Evaluation


@dataclass(frozen=True)
class Metric:
    """A metric and its baseline.

    Attributes:
        name: "accuracy".
        value: value of the model.
        baseline: name of the baseline, "always the most frequent class"; empty if there is none.
        of_baseline: value of the baseline.
        higher_is_better: whether it is; None where the baseline is a target and not a rival.
    """

    name: str
    value: float
    baseline: str = ""
    of_baseline: float = float("nan")
    higher_is_better: bool | None = True

    @property
    def beaten(self) -> bool:
        """Whether the model is better than the baseline."""
        return self.value > self.of_baseline if self.higher_is_better else self.value < self.of_baseline


@dataclass(frozen=True)
class Report:
    """The metrics on some examples.

    Attributes:
        loss: mean loss per prediction.
        predictions: number of predictions.
        metrics: the first one chooses the best checkpoint.
        tables: further results by title, each a block of text.
    """

    loss: float
    predictions: int
    metrics: list[Metric]
    tables: dict[str, str] = field(default_factory=dict)

    __repr__ = brief_repr

    def evaluation(self) -> Evaluation:
        """Return what the training loop needs."""
        first = self.metrics[0] if self.metrics else None
        selection_loss = None if first is None else -first.value if first.higher_is_better else first.value
        return Evaluation(self.loss, self.predictions, {m.name: m.value for m in self.metrics}, selection_loss)
