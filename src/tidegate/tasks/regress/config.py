"""Settings of regression at every step."""

from dataclasses import dataclass
from typing import Literal

from tidegate.data.series.row_options import RowOptions
from tidegate.errors import ArgumentError
from tidegate.tasks.regress.losses import LossName
from tidegate.train.options import RecurrentConfig, option

ELAPSED = "elapsed time"  # the name of this input
Missing = Literal["refuse", "previous", "mean"]
Direct = Literal["linear", "input", "none"]


def names_in(text: str | None) -> list[str]:
    """Return the names in a list that is separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


@dataclass(frozen=True, repr=False)
class RegressConfig(RowOptions, RecurrentConfig):
    """Architecture of a model with a value at every step, its loss, and how its files are read."""

    hidden_size: int = option(32, "Hidden units per layer.", min=1)
    dropout: float = option(0.0, "Dropout between and after the layers.", min=0, below=1)
    direct: Direct = option(
        "linear",
        "What is added to the layers' output: a linear map of the input, the input itself, or nothing.",
        absent="linear",
        advanced=True,
    )
    loss: LossName = option(
        "squared", "Squared, absolute or Huber loss; error-to-signal ratio; or squared error by each series' variance."
    )
    pre_emphasis: float = option(
        0.85, "Coefficient of the high-pass filter before the loss esr.", min=0, max=1, advanced=True
    )
    inputs: str | None = option(None, "Columns that are read, separated by commas.", panel="Data")
    targets: str | None = option(None, "Columns that are predicted, separated by commas.", panel="Data")
    static: str | None = option(
        None, "Columns with one value for a whole series, separated by commas; inputs too.", panel="Data"
    )
    missing: Missing = option(
        "refuse", "Missing inputs: refuse the file, or take the previous value or the mean.", panel="Data"
    )
    shift: int = option(0, "Pair each input with the target N steps later.", panel="Data")
    burn_in: int | None = option(
        None,
        "First steps from a zero state that do not count.",
        panel="Data",
        unset="100, or a tenth of the shortest series",
        min=0,
        advanced=True,
    )
    segment: int | None = option(
        None,
        "Cut series into segments of N counted steps.",
        panel="Data",
        unset="all steps / the batch size",
        min=1,
    )
    taps: int = option(
        64, "Steps that the linear filter of the baseline reads.", panel="Data", min=1, max=4096, advanced=True
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        columns = [*self.input_names, *([] if self.elapsed == "none" else [ELAPSED]), *self.target_names]
        repeated = sorted({name for name in columns if columns.count(name) > 1})
        if repeated:
            raise ArgumentError(
                f"{', '.join(map(repr, repeated))}: named more than once among inputs, static columns and targets."
            )
        self.check_filling(self.missing, "'previous' or 'mean'")
        needs = self.of_times() or ("missing_rows" if self.missing_rows != "report" else "")
        if needs and self.time_column is None:
            raise ArgumentError(f"{needs} is for a column of times, but none is named: say time_column, too.")

    @property
    def input_names(self) -> list[str]:
        """Names of all input columns of a table: those that change, then the static ones."""
        return names_in(self.inputs) + names_in(self.static)

    @property
    def target_names(self) -> list[str]:
        """Names of the target columns of a table."""
        return names_in(self.targets)
