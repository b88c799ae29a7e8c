"""Options of the data of tasks on independent examples."""

from dataclasses import dataclass
from pathlib import Path

from tidegate.train.options import option


@dataclass(frozen=True)
class ExamplesConfig:
    """Where the parts of the data come from, and how they are split."""

    validation: list[Path] | None = option(None, "Validation files; may be given again.", panel="Data")
    test: list[Path] | None = option(None, "Test files; may be given again.", panel="Data")
    splits: str = option("80/10/10", "Training/validation/test, where there are no such files; or none.", panel="Data")
    split_seed: int = option(0, "Random seed of the split.", panel="Data", advanced=True)
    vectors: Path | None = option(
        None, "Pretrained word vectors: text or .bin, also .gz, or .npy beside .txt.", panel="Data"
    )
    vector_words: int = option(
        50_000,
        "Words known only to the file of vectors: at most N, its first ones.",
        panel="Data",
        min=0,
        advanced=True,
    )
