"""A language model on words beside a plain PyTorch script: a training step, and writing 1,000 words.

Run it with ``python -m benchmarks.word_models``. The script is nn.Embedding, nn.LSTM, nn.Linear, cross-entropy,
clipping and SGD, as in PyTorch's example word_language_model. The losses of three steps without dropout are compared
first; then both are timed in turns. ``--processor-time`` counts processor time with one thread, for a busy machine.
"""

import argparse
import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks import measure
from tidegate.engine.explain.peaks import measured_peaks
from tidegate.text import LanguageModel, LanguageModelConfig
from tidegate.text.corpus.streams import Window
from tidegate.text.feeding import NO_PREDICTION
from tidegate.text.sampling import Sampling, draw
from tidegate.text.truncated_bptt import window_loss
from tidegate.train import TrainConfig
from tidegate.train.optimization.optimizer import build_optimizer, gradient_norm, set_rate, use_sparse_gradients

CASES = (("softmax", 10_000, None), ("softmax", 33_000, None), ("adaptive", 33_000, "2000,10000"))
SIZE, LAYERS, BATCH, STEPS, DROPOUT, CLIP, RATE = 650, 2, 20, 35, 0.5, 0.25, 20.0
WORDS = 1000
TRAINING = TrainConfig(optimizer="sgd", clip=CLIP, learning_rate=RATE)


class PlainModel(nn.Module):
    """The script's model: `like`'s weights, and torch's second bias of each gate, which stays zero."""

    def __init__(self, like: LanguageModel) -> None:
        super().__init__()
        config = like.config
        vocabulary, size = like.vocabulary_size, config.hidden_size
        self.dropout = nn.Dropout(config.dropout)
        self.embedding = nn.Embedding(vocabulary, size)
        self.recurrent = nn.LSTM(size, size, config.num_layers, dropout=config.dropout)
        self.output: nn.Linear | nn.AdaptiveLogSoftmaxWithLoss
        if config.cutoffs:
            self.output = nn.AdaptiveLogSoftmaxWithLoss(size, vocabulary, config.cutoffs)
        else:
            self.output = nn.Linear(size, vocabulary)
        own = like.state_dict()
        for name in [name for name in own if "bias_l" in name]:
            own[name.replace("bias_l", "bias_hh_l")] = torch.zeros_like(own[name])
            own[name.replace("bias_l", "bias_ih_l")] = own.pop(name)
        self.load_state_dict(own)
        for name, parameter in self.named_parameters():
            parameter.requires_grad_("bias_hh" not in name)

    def features(self, ids: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Run everything before the output layer on ids (T, B)."""
        output, state = self.recurrent(self.dropout(self.embedding(ids)), state)
        return self.dropout(output), state

    def loss(self, features: Tensor, targets: Tensor) -> Tensor:
        """Compute the mean cross-entropy."""
        if isinstance(self.output, nn.AdaptiveLogSoftmaxWithLoss):
            return self.output(features.flatten(0, 1), targets.flatten()).loss
        return nn.functional.cross_entropy(self.logits(features).flatten(0, 1), targets.flatten())

    def logits(self, features: Tensor) -> Tensor:
        """Compute what the next word is drawn from."""
        if isinstance(self.output, nn.AdaptiveLogSoftmaxWithLoss):
            return self.output.log_prob(features)
        return self.output(features)


def windows(vocabulary: int, batch: int, steps: int) -> Iterator[Window]:
    """Iterate over windows of random words, few of them frequent, as in text."""
    draws = torch.Generator().manual_seed(0)
    chances = 1 / torch.arange(1, vocabulary + 1)
    while True:
        ids = torch.multinomial(chances, batch * (steps + 1), replacement=True, generator=draws).view(batch, steps + 1)
        yield Window(ids[:, :-1].numpy(), ids[:, 1:].numpy(), False, steps, 0, steps)


def our_training(model: LanguageModel, data: Iterator[Window], training: TrainConfig = TRAINING) -> Callable[[], float]:
    """Return a function that takes a step and returns its loss."""
    optimizer = build_optimizer(model, training, torch.device("cpu"))
    use_sparse_gradients(model, training, torch.device("cpu"))
    parameters = list(model.parameters())
    carried: list[Any] = []

    def step() -> float:
        window = next(data)
        state, own = carried or (model.zero_state(len(window.inputs)), torch.full((len(window.inputs),), NO_PREDICTION))
        found = window_loss(model, window, state, own, k2=window.new)
        found.mean.backward()
        set_rate(optimizer, training, training.learning_rate, float(gradient_norm(parameters)))
        optimizer.step()
        optimizer.zero_grad()
        carried[:] = [found.state, found.own]
        return found.mean.item()

    return step


def plain_training(model: PlainModel, data: Iterator[Window], rate: float = RATE) -> Callable[[], float]:
    """Return a function that takes a step of the script and returns its loss."""
    parameters = [it for it in model.parameters() if it.requires_grad]
    carried: list[Any] = [None]

    def step() -> float:
        window = next(data)
        inputs, targets = torch.from_numpy(window.inputs).t(), torch.from_numpy(window.targets).t()
        model.zero_grad()
        features, (h, c) = model.features(inputs, carried[0])
        loss = model.loss(features, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIP)
        with torch.no_grad():
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.add_(parameter.grad, alpha=-rate)
        carried[0] = (h.detach(), c.detach())
        return loss.item()

    return step


@torch.inference_mode()
def our_writing(model: LanguageModel, words: int) -> None:
    """Write words, as ``tidegate generate`` does."""
    model.eval()
    read, generators = model.reader(model.zero_state(1)), [torch.Generator().manual_seed(0)]
    ids = torch.zeros(1, dtype=torch.int64)
    for _ in range(words):
        ids = draw(read(ids), Sampling(), generators)
    model.train()


@torch.no_grad()
def plain_writing(model: PlainModel, words: int) -> None:
    """Write words, as the example's generate.py does."""
    model.eval()
    ids, state = torch.zeros(1, 1, dtype=torch.int64), None
    for _ in range(words):
        features, state = model.features(ids, state)
        weights = model.logits(features[0]).squeeze().exp()
        ids.fill_(torch.multinomial(weights, 1)[0])
    model.train()


def pair(vocabulary: int, cutoffs: str | None, dropout: float) -> tuple[LanguageModel, PlainModel]:
    """Return both models, with the same initial values."""
    torch.manual_seed(0)
    config = LanguageModelConfig(
        vocabulary, hidden_size=SIZE, num_layers=LAYERS, embedding_size=SIZE, dropout=dropout, adaptive_softmax=cutoffs
    )
    ours = LanguageModel(config)
    return ours, PlainModel(ours)


def parity(vocabulary: int, cutoffs: str | None) -> float:
    """Return the largest difference of the losses of three steps without dropout."""
    ours, plain = pair(vocabulary, cutoffs, 0.0)
    data = list(itertools.islice(windows(vocabulary, BATCH, STEPS), 3))
    one, other = our_training(ours, iter(data)), plain_training(plain, iter(data))
    return max(abs(one() - other()) for _ in data)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="A language model on words beside a plain PyTorch script.")
    parser.add_argument("--threads", type=int, default=2, help="PyTorch's threads.")
    parser.add_argument("--pairs", type=int, default=9, help="Pairs of steps.")
    parser.add_argument("--processor-time", action="store_true", help="Count processor time, with one thread.")
    given = parser.parse_args()
    torch.set_num_threads(1 if given.processor_time else given.threads)
    clock = time.process_time if given.processor_time else time.perf_counter
    peak = measured_peaks(torch.float32).flops
    print(f"{torch.get_num_threads()} threads; products at most {peak / 1e9:.0f} GFLOP/s")
    print("| | words known | ours, ms | script, ms | ratio (quartiles) | share of the peak | losses differ by |")
    print("|---|---|---|---|---|---|---|")
    for name, vocabulary, cutoffs in CASES:
        difference = parity(vocabulary, cutoffs)
        ours, plain = pair(vocabulary, cutoffs, DROPOUT)
        data = itertools.cycle(itertools.islice(windows(vocabulary, BATCH, STEPS), 8))
        found = measure.pairs(
            measure.timer(our_training(ours, data), clock),
            measure.timer(plain_training(plain, data), clock),
            given.pairs,
        )
        products = 6 * BATCH * STEPS * sum(it.numel() for it in ours.recurrent.parameters() if it.ndim == 2)
        products += 6 * BATCH * STEPS * SIZE * vocabulary if cutoffs is None else 0
        share = f"{products / found.first.median / peak:.2f}" if cutoffs is None else ""
        print(_row(f"step, {name}", vocabulary, found, share, f"{difference:.1e}"), flush=True)
        written = measure.pairs(
            measure.timer(functools.partial(our_writing, ours, WORDS), clock),
            measure.timer(functools.partial(plain_writing, plain, WORDS), clock),
            max(3, given.pairs // 3),
        )
        print(_row(f"{WORDS:,} words, {name}", vocabulary, written, "", ""), flush=True)


def _row(name: str, vocabulary: int, found: measure.Pairs, share: str, difference: str) -> str:
    ratio, first, second = found.ratio, 1e3 * found.first.median, 1e3 * found.second.median
    spread = f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"
    return f"| {name} | {vocabulary:,} | {first:.0f} | {second:.0f} | {spread} | {share} | {difference} |"


if __name__ == "__main__":
    main()
