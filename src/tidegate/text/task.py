"""Language modelling as a task: text in contiguous streams, each unit predicted from all before it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tidegate.errors import ArgumentError, RunFolderError
from tidegate.text.corpus.corpus import Corpus, open_corpus
from tidegate.text.corpus.ngrams import ngram_baselines
from tidegate.text.corpus.streams import Streams, Window, fit_batch
from tidegate.text.evaluation import evaluate
from tidegate.text.feeding import NOTHING_YET, Feeding
from tidegate.text.model import LanguageModel, LanguageModelConfig
from tidegate.text.tokenizers.tokenizer import Tokenizer, load_tokenizer
from tidegate.text.truncated_bptt import window_loss
from tidegate.train.task import Carried, Evaluation, Loss, Settings


class StreamBatches:
    """One epoch of windows as the loop's batches."""

    def __init__(self, streams: Streams) -> None:
        self.streams = streams

    def __len__(self) -> int:
        return len(self.streams)

    def batch(self, epoch: int, index: int) -> Window:
        """A window; they are the same in every epoch."""
        return self.streams.window(index)

    def predictions(self, epoch: int, index: int) -> int:
        """Predictions that count in window ``index``, in all processes together."""
        left = self.streams.positions_per_epoch // self.streams.batch_size - index * self.streams.k1
        return min(self.streams.k1, left) * self.streams.batch_size


class LanguageModelTask:
    """Train a language model by truncated backpropagation through time.

    Args:
        model: the model's make.
        train: the units to learn from, shape (N,).
        validation: the units to validate on; fewer than two mean that there is no such part.
        prediction_name: what a prediction is called ("character").
        batch_size: streams in all processes together.
        k1: a step every k1 positions.
        k2: gradients go back k2 positions.
        feeding: teacher, greedy or sampled; see :mod:`tidegate.text.feeding`.
        validation_tokens: validate on the first so many units only; None on all.
        backend: the engine's backend; None leaves it to the engine.

    Raises:
        ArgumentError: a size does not fit the vocabulary of the data.
    """

    name: ClassVar[str] = "lm"
    look: ClassVar[str | None] = "tidegate.lens.tasks.language_model:look"
    Config: ClassVar[type[Any]] = LanguageModelConfig

    def __init__(
        self,
        model: LanguageModelConfig,
        train: NDArray[np.integer],
        validation: NDArray[np.integer],
        *,
        prediction_name: str,
        batch_size: int,
        k1: int,
        k2: int,
        feeding: Feeding = "teacher",
        validation_tokens: int | None = None,
        backend: str | None = None,
    ) -> None:
        self.model, self.train, self.validation, self.prediction_name = model, train, validation, prediction_name
        self.batch_size, self.k1, self.k2 = batch_size, k1, k2
        self.feeding: Feeding = feeding
        self.validation_tokens, self.backend = validation_tokens, backend
        self.notes: list[str] = []

    @classmethod
    def open(cls, folder: Path) -> Corpus:
        """The text of a run folder."""
        return open_corpus(folder)

    @classmethod
    def vocabulary(cls, folder: Path) -> Tokenizer:
        """The units of its text."""
        return load_tokenizer(folder)

    @classmethod
    def create(cls, data: Corpus, config: LanguageModelConfig, settings: Settings, world: int) -> "LanguageModelTask":
        """The task on a text, its batch made smaller if need be."""
        if config.vocabulary_size != data.tokenizer.vocabulary_size:
            raise ArgumentError(
                f"vocabulary_size is {config.vocabulary_size}, but the corpus has {data.tokenizer.vocabulary_size} different units."
            )
        batch_size, note = fit_batch(len(data.train), settings.batch_size, settings.k1, world=world)
        task = cls(
            config,
            data.train,
            data.validation,
            prediction_name=data.tokenizer.name,
            batch_size=batch_size,
            k1=settings.k1,
            k2=settings.k1 if settings.k2 is None else settings.k2,
            feeding=settings.feeding,
            validation_tokens=settings.validation_tokens,
            backend=settings.backend,
        )
        task.notes = [] if note is None else [note]
        return task

    @classmethod
    def make(cls, config: LanguageModelConfig, vocabulary: Tokenizer, backend: str | None) -> LanguageModel:
        """A new model for a vocabulary.

        Raises:
            RunFolderError: they do not fit together.
        """
        if vocabulary.vocabulary_size != config.vocabulary_size:
            raise RunFolderError(
                f"The vocabulary has {vocabulary.vocabulary_size} units, but config.json says {config.vocabulary_size}: they are "
                "not of the same run."
            )
        return LanguageModel(config, backend=backend)

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """N-grams counted on the training part."""
        validation = self.validation[: self.validation_tokens]  # what the model is validated on, and no more
        if len(validation) < 2:
            return {}, []
        found = ngram_baselines(self.train, validation, self.model.vocabulary_size)
        return dict(found), [] if found.note is None else [found.note]

    def build(self) -> LanguageModel:
        """A new model, its initial values drawn from torch's global random numbers."""
        return LanguageModel(self.model, backend=self.backend)

    def batches(self, rank: int, world: int) -> StreamBatches:
        """The share of process ``rank`` out of ``world`` in one epoch."""
        return StreamBatches(Streams(self.train, self.batch_size, k1=self.k1, k2=self.k2, rank=rank, world=world))

    def start(self, model: nn.Module, rank: int, world: int) -> Carried:
        """Zero state, and no prediction yet, for each of this process's streams."""
        model = _language_model(model)
        streams = self.batch_size // world
        state = model.zero_state(streams)
        carried = dict(zip(model.cell.states, state, strict=True))
        return carried | {"own prediction": torch.full((streams,), NOTHING_YET, device=state[0].device)}

    def loss(self, model: nn.Module, batch: Window, carried: Carried, sampling_probability: float) -> Loss:
        """Mean nats per new unit of a window; the state goes on to the next window, detached."""
        model = _language_model(model)
        names: Sequence[str] = model.cell.states
        nats, state, own = window_loss(
            model,
            batch,
            tuple(carried[name] for name in names),
            carried["own prediction"],
            k2=self.k2,
            feeding=self.feeding,
            share=sampling_probability,
        )
        return Loss(nats, dict(zip(names, state, strict=True)) | {"own prediction": own})

    def validate(self, model: nn.Module) -> Evaluation | None:
        """Mean nats per unit of the validation part; None without one."""
        if len(self.validation) < 2:
            return None
        return evaluate(
            _language_model(model), self.validation, batch_size=self.batch_size, limit=self.validation_tokens
        )


def _language_model(model: nn.Module) -> LanguageModel:
    if not isinstance(model, LanguageModel):
        raise ArgumentError(f"The task trains a LanguageModel, but was given a {type(model).__name__}.")
    return model
