"""Language modelling as a task: text in contiguous streams, each token predicted from all before it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.errors import ArgumentError, RunFolderError
from tidegate.text.config import CorpusConfig, LanguageModelConfig, SampleConfig
from tidegate.train.config import DEFAULT_EPOCHS, TASK_SETTINGS, Feeding
from tidegate.train.options import parse_splits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

    from tidegate.text.corpus.corpus import Corpus
    from tidegate.text.corpus.stream_batches import StreamBatches
    from tidegate.text.corpus.streams import Window
    from tidegate.text.model import LanguageModel
    from tidegate.text.tokenizers.tokenizer import Tokenizer
    from tidegate.train.task import Carried, Evaluation, EvaluationOptions, EvaluationText, Loss, Settings

SHORTEST_MEAN = 10  # of random windows, which are at least 5 long

# Everything else is imported on use: the class is also asked for its options, before torch is loaded.


class LanguageModelTask:
    """A language model of text.

    It is trained by truncated backpropagation through time.

    Args:
        model: the model config.
        train: token ids to train on, shape (N,).
        validation: token ids to validate on; fewer than two mean that there is no validation part.
        prediction_name: name of a prediction ("character").
        batch_size: streams in all processes together.
        k1: an optimizer step every k1 positions.
        k2: gradients go back k2 positions.
        random_windows: draw the lengths of the windows around k1 (Merity et al. 2018); a step's learning rate is then
            multiplied by its window's length / k1.
        seed: of these draws.
        feeding: teacher, greedy or sampled; see `tidegate.text.feeding`.
        validation_tokens: validate on the first N tokens only. Default: all.
        backend: the engine's backend. Default: the engine's choice.

    Raises:
        ArgumentError: a size does not fit the vocabulary of the data.
    """

    name: str = "lm"
    look: str | None = "tidegate.lens.tasks.language_model:look"
    Config: type[Any] = LanguageModelConfig
    DataConfig: type[Any] = CorpusConfig
    SampleConfig: type[Any] | None = SampleConfig
    data_help: str = "Text files, or folders of them (UTF-8)."
    extra_settings: Sequence[str] = TASK_SETTINGS
    training_defaults: Mapping[str, Any] = {"epochs": DEFAULT_EPOCHS}
    fewest_steps: int = 0
    files: Sequence[str] = ("corpus.json", "corpus.npy", "vocabulary.json", "tokenizer.json")
    next_commands: Sequence[str] = ("tidegate generate {run}",)
    seeds: bool = False
    loss_unit = "nats"

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
        random_windows: bool = False,
        seed: int = 0,
        feeding: Feeding = "teacher",
        validation_tokens: int | None = None,
        backend: str | None = None,
    ) -> None:
        if model.vocabulary_size is None:
            raise ArgumentError("vocabulary_size is not set: give that of the tokenizer.")
        self.vocabulary_size = model.vocabulary_size
        self.model, self.train, self.validation, self.prediction_name = model, train, validation, prediction_name
        self.batch_size, self.k1, self.k2 = batch_size, k1, k2
        self.random_windows, self.seed = random_windows, seed
        self.feeding: Feeding = feeding
        self.validation_tokens, self.backend = validation_tokens, backend
        self.notes: list[str] = []

    # Data.

    @classmethod
    def prepare(cls, data: Sequence[str], config: LanguageModelConfig, options: CorpusConfig, folder: Path) -> Corpus:
        """Encode text files in a run folder."""
        from tidegate.text.corpus.build_corpus import prepare_corpus

        settings: dict[str, Any] = asdict(options) | {"splits": parse_splits(options.splits)}
        return prepare_corpus([Path(it) for it in data], folder, **settings)

    @classmethod
    def open(cls, folder: Path) -> Corpus:
        """Open the corpus of a run folder."""
        from tidegate.text.corpus.corpus import open_corpus

        return open_corpus(folder)

    @classmethod
    def check_data(cls, data: Corpus, config: LanguageModelConfig) -> None:
        """Do nothing: a corpus checks its tokens, and the model its vocabulary."""

    @classmethod
    def vocabulary(cls, folder: Path) -> Tokenizer:
        """Load the tokenizer of a run folder."""
        from tidegate.text.tokenizers.tokenizer import load_tokenizer

        return load_tokenizer(folder)

    @classmethod
    def tokenizer(cls, vocabulary: Tokenizer) -> Tokenizer:
        """Return the tokenizer."""
        return vocabulary

    @classmethod
    def run_name(cls, data: Sequence[str], config: LanguageModelConfig) -> str:
        """Return NAME-CELL, NAME being that of the first file or folder."""
        return f"{Path(data[0]).resolve().stem}-{config.cell}"

    # Training.

    @classmethod
    def complete_config(cls, config: LanguageModelConfig, data: Corpus) -> LanguageModelConfig:
        """Return the config with the vocabulary size of a corpus; words are embedded."""
        if config.vocabulary_size is None:
            config = replace(config, vocabulary_size=data.tokenizer.vocabulary_size)
        if config.embedding_size is None and data.tokenizer.kind == "words":
            config = replace(config, embedding_size=config.sizes[-1])  # one-hot vectors would fill the memory
        return config

    @classmethod
    def create(cls, data: Corpus, config: LanguageModelConfig, settings: Settings, world: int) -> LanguageModelTask:
        """Create the task on a corpus; the batch is made smaller if the corpus is too small for it."""
        from tidegate.text.corpus.streams import fit_batch

        if config.vocabulary_size != data.tokenizer.vocabulary_size:
            raise ArgumentError(
                f"vocabulary_size is {config.vocabulary_size}, but the corpus has {data.tokenizer.vocabulary_size} "
                "different tokens."
            )
        if config.cutoffs and data.tokenizer.kind != "words":
            raise ArgumentError(
                f"adaptive_softmax is {config.adaptive_softmax!r}, but needs tokens in the order of their frequency, "
                f"as words are, not {data.tokenizer.kind}: choose words, or leave it out."
            )
        if settings.feeding != "teacher" and config.locked:
            raise ArgumentError(
                f"feeding is {settings.feeding!r}, which runs token by token, but {config.locked} keeps one mask for "
                "all steps of a run: choose feeding='teacher', or leave it out."
            )
        if settings.random_windows and (settings.k2 not in (None, settings.k1) or settings.k1 < SHORTEST_MEAN):
            raise ArgumentError(
                f"random_windows needs k1 of {SHORTEST_MEAN} or more and k2 = k1, but they are {settings.k1} and "
                f"{settings.k2}: leave k2 out, or random_windows."
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
            random_windows=settings.random_windows,
            seed=settings.seed,
            feeding=settings.feeding,
            validation_tokens=settings.validation_tokens,
            backend=settings.backend,
        )
        task.notes = [] if note is None else [note]
        return task

    @classmethod
    def default_epochs(cls, data: Corpus, batch_size: int) -> int:
        """Return 10."""
        return DEFAULT_EPOCHS

    @classmethod
    def make_model(cls, config: LanguageModelConfig, vocabulary: Tokenizer, backend: str | None) -> LanguageModel:
        """Make a new model for a vocabulary.

        Raises:
            RunFolderError: the model does not fit the vocabulary.
        """
        from tidegate.text.model import LanguageModel

        if vocabulary.vocabulary_size != config.vocabulary_size:
            raise RunFolderError(
                f"The vocabulary has {vocabulary.vocabulary_size} tokens, but config.json says "
                f"{config.vocabulary_size}: they are not of the same run."
            )
        return LanguageModel(config, backend=backend)

    def new_model(self) -> LanguageModel:
        """Make a new model, its initial values drawn from torch's global random numbers."""
        from tidegate.text.model import LanguageModel

        return LanguageModel(self.model, backend=self.backend)

    def baselines(self) -> tuple[dict[str, float], list[str]]:
        """Compute the losses of n-gram models counted on the training part."""
        from tidegate.text.corpus.ngrams import ngram_baselines, orders_for

        validation = self.validation[: self.validation_tokens]  # the tokens that the model is validated on
        if len(validation) < 2:
            return {}, []
        found = ngram_baselines(self.train, validation, self.vocabulary_size, orders_for(self.prediction_name))
        return dict(found), [] if found.note is None else [found.note]

    def batches(self, rank: int, world: int) -> StreamBatches:
        """Return the windows of process ``rank`` out of ``world``."""
        from tidegate.text.corpus.stream_batches import RandomWindows, StreamBatches
        from tidegate.text.corpus.streams import Streams

        streams = Streams(self.train, self.batch_size, k1=self.k1, k2=self.k2, rank=rank, world=world)
        return RandomWindows(streams, self.seed) if self.random_windows else StreamBatches(streams)

    def start(self, model: nn.Module, rank: int, world: int) -> Carried:
        """Return the zero state, and no prediction yet, for each of this process's streams."""
        import torch

        from tidegate.text.feeding import NO_PREDICTION

        model = _language_model(model)
        streams = self.batch_size // world
        state = model.zero_state(streams)
        carried = dict(zip(model.cell.states, state, strict=True))
        return carried | {"own prediction": torch.full((streams,), NO_PREDICTION, device=state[0].device)}

    def loss(self, model: nn.Module, batch: Window, carried: Carried, sampling_probability: float) -> Loss:
        """Compute the mean cross-entropy of a window's new tokens; the detached state goes on to the next window."""
        from tidegate.text.truncated_bptt import window_loss
        from tidegate.train.task import Loss

        model = _language_model(model)
        names: Sequence[str] = model.cell.states
        found = window_loss(
            model,
            batch,
            tuple(carried[name] for name in names),
            carried["own prediction"],
            k2=self.k2,
            feeding=self.feeding,
            sampling_probability=sampling_probability,
        )
        state = dict(zip(names, found.state, strict=True))
        factor = batch.new / self.k1 if self.random_windows else 1.0
        return Loss(found.mean, state | {"own prediction": found.own}, found.penalty, factor)

    def validate(self, model: nn.Module) -> Evaluation | None:
        """Compute the mean cross-entropy of the validation part; None without one."""
        from tidegate.text.evaluation import evaluate, warm_up_of

        if len(self.validation) < 2:
            return None
        return evaluate(
            _language_model(model),
            self.validation,
            batch_size=self.batch_size,
            limit=self.validation_tokens,
            warm_up=warm_up_of(self.prediction_name),
        )

    @classmethod
    def sampler(cls, vocabulary: Tokenizer, options: SampleConfig) -> Callable[[LanguageModel], str] | None:
        """Return a function that writes a sample, with the same draws each time, so that only the model changes."""
        from tidegate.text.generation import generate

        if options.sample_length == 0:
            return None

        def sample(model: LanguageModel) -> str:
            pieces = generate(model, vocabulary, options.prompt, length=options.sample_length, temperature=0.8, seed=0)
            return options.prompt + "".join(piece.text for piece in pieces)

        return sample

    # Finished runs.

    @classmethod
    def evaluate(cls, run: Any, files: Sequence[Path], options: EvaluationOptions) -> EvaluationText:
        """Evaluate a run on a part of its own text, or on other files, beside n-gram models."""
        from tidegate.text.evaluation_report import evaluate_run

        return evaluate_run(run, files, options)

    @classmethod
    def summary(cls, folder: Path) -> str:
        """Return nothing: the loss and the baselines have been shown."""
        return ""

    @classmethod
    def compare_seeds(cls, folders: Sequence[Path]) -> str:
        """Return nothing: language models are not trained with several seeds at once."""
        return ""


def _language_model(model: nn.Module) -> LanguageModel:
    from tidegate.text.model import LanguageModel

    if not isinstance(model, LanguageModel):
        raise ArgumentError(f"The task trains a LanguageModel, but was given a {type(model).__name__}.")
    return model
