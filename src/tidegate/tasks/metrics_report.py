"""What a model achieves beside what needs no model."""

from dataclasses import dataclass, field

from tidegate.train.task import Evaluation


@dataclass(frozen=True)
class Metric:
    """One figure and its baseline.

    Attributes:
        name: "accuracy".
        value: the model's.
        baseline: what the baseline does, "always the most frequent class"; empty if there is none.
        of_baseline: what the baseline achieves.
        higher_is_better: whether it is; None where the baseline is not to be beaten but met.
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
    """What was measured on some examples.

    Attributes:
        nats: mean loss per prediction.
        predictions: how many.
        metrics: the first decides which model is best.
        tables: more, by title, each a block of text.
    """

    nats: float
    predictions: int
    metrics: list[Metric]
    tables: dict[str, str] = field(default_factory=dict)

    def evaluation(self) -> Evaluation:
        """What the training loop needs of it."""
        best = self.metrics[0] if self.metrics else None
        criterion = None if best is None else -best.value if best.higher_is_better else best.value
        return Evaluation(self.nats, self.predictions, {m.name: m.value for m in self.metrics}, criterion)
