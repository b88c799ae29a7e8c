"""A language model's training step and its writing: on the kernels, on the reference, and with ``torch.nn.LSTM``.

Run it with ``python -m benchmarks.text``; medians of interleaved turns, two threads.
"""

import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tidegate.text.generation import generate
from tidegate.text.model import LanguageModel, LanguageModelConfig
from tidegate.text.tokenizers.characters import CharacterTokenizer

TOKENIZER = CharacterTokenizer.from_counts(Counter(chr(code) for code in range(32, 127)))
SHAPES = ((16, 64, 512, 1), (32, 100, 256, 2))


class TorchModel(nn.Module):
    """The same model around ``torch.nn.LSTM``."""

    def __init__(self, hidden_size: int, num_layers: int) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(TOKENIZER.vocabulary_size, hidden_size, num_layers)
        self.output = nn.Linear(hidden_size, TOKENIZER.vocabulary_size)

    def forward(self, ids: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Ids (B, T) to logits (B, T, V)."""
        hot = nn.functional.one_hot(ids.t(), TOKENIZER.vocabulary_size).to(self.output.weight.dtype)
        features, state = self.recurrent(hot, state)
        return self.output(features).transpose(0, 1), state


def training_step(model: nn.Module, ids: Tensor) -> Callable[[], None]:
    """One update on ids (B, T + 1)."""
    optimizer = torch.optim.AdamW(model.parameters())

    def step() -> None:
        optimizer.zero_grad()
        logits, _ = model(ids[:, :-1])
        nn.functional.cross_entropy(logits.reshape(-1, TOKENIZER.vocabulary_size), ids[:, 1:].reshape(-1)).backward()
        optimizer.step()

    return step


def writing(model: nn.Module, length: int = 300) -> Callable[[], None]:
    """Writing so many characters."""

    def write() -> None:
        for _ in generate(model, TOKENIZER, "def", length=length, seed=0):
            pass

    return write


def medians(runs: dict[str, Callable[[], None]], turns: int = 9) -> dict[str, float]:
    """Milliseconds of each, taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(turns + 2):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if turn >= 2:
                taken[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in taken.items()}


def main() -> None:
    """Print milliseconds and ratios."""
    torch.set_num_threads(2)
    for batch, steps, hidden_size, num_layers in SHAPES:
        config = LanguageModelConfig(TOKENIZER.vocabulary_size, hidden_size=hidden_size, num_layers=num_layers)
        models: dict[str, nn.Module] = {"kernels": LanguageModel(config)}
        models["reference"] = LanguageModel(config, backend="reference")
        models["torch.nn.LSTM"] = TorchModel(hidden_size, num_layers)
        ids = torch.randint(0, TOKENIZER.vocabulary_size, (batch, steps + 1))
        for what, runs in (
            (f"training step of {batch} x {steps}", {name: training_step(m, ids) for name, m in models.items()}),
            ("writing 300 characters", {name: writing(m) for name, m in models.items()}),
        ):
            found = medians(runs)
            shown = ", ".join(f"{name} {ms:.1f} ms ({ms / found['kernels']:.2f})" for name, ms in found.items())
            print(f"LSTM {num_layers} x {hidden_size}, {what}: {shown}", flush=True)


if __name__ == "__main__":
    main()
