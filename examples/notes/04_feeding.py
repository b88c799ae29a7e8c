"""Step 4: three ways to feed a model while it learns, and what exposure bias looks like.

Teacher forcing feeds the true character, free running the model's own prediction, and a mixture tosses a coin for
each. The text counts: "07 08 09 10 ...". A model that writes has only its own characters to go on from.
"""

from collections.abc import Callable

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREEN, ORANGE, arguments, save
from torch import Tensor

from tidegate.text import CharacterTokenizer, LanguageModel, LanguageModelConfig, Streams
from tidegate.text.feeding import NO_PREDICTION, feed
from tidegate.text.truncated_bptt import window_loss
from tidegate.train.config import Feeding

options = arguments(__doc__)
B, K, UPDATES, EVERY, SEEN = 32, 32, 240 if options.quick else 600, 30, 24
tokenizer = CharacterTokenizer(" 0123456789")
begin = np.random.default_rng(0)


def count(numbers: int) -> np.ndarray:
    """Two-digit numbers from a random one on."""
    first = int(begin.integers(100))
    return tokenizer.encode("".join(f"{n % 100:02} " for n in range(first, first + numbers)))


text = np.concatenate([count(80) for _ in range(400)])
tests = torch.from_numpy(np.stack([count(40) for _ in range(60 if options.quick else 200)]))


def wrong(model: LanguageModel, share: float) -> Tensor:
    """The share of wrong characters at 1, 2, 3, ... steps after the last one that was surely true.

    Args:
        model: it reads 8 true numbers first.
        share: 0 feeds the truth all the way, 1 the model's own predictions.
    """
    nothing = torch.full((len(tests),), NO_PREDICTION)
    with torch.no_grad():
        start = model.zero_state(len(tests))
        read = feed(model, tests[:, :SEEN], start, nothing, feeding="teacher", sampling_probability=0)
        own = model.output(read.features[-1]).argmax(-1)
        go = feed(model, tests[:, SEEN:-1], read.state, own, feeding="greedy", sampling_probability=share)
    return (model.output(go.features).argmax(-1) != tests[:, SEEN + 1 :].t()).float().mean(1)


def train(feeding: Feeding, share: Callable[[float], float], updates: int) -> list[tuple[int, Tensor, Tensor]]:
    """(updates, wrong when fed the truth, wrong when fed itself) along a training; ``share`` of progress 0 to 1."""
    torch.manual_seed(0)
    model = LanguageModel(LanguageModelConfig(tokenizer.vocabulary_size, cell="gru", hidden_size=12))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    windows, curve = Streams(text, B, k1=K, k2=K), []
    for update in range(updates):
        window = windows.window(update % len(windows))
        if window.first:
            state, own = model.zero_state(B), torch.full((B,), NO_PREDICTION)
        progress = update / UPDATES
        loss, state, own, _ = window_loss(
            model, window, state, own, k2=K, feeding=feeding, sampling_probability=share(progress)
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (update + 1) % EVERY == 0:
            curve.append((update + 1, wrong(model, 0), wrong(model, 1)))
    return curve


few = EVERY if options.quick else UPDATES
WAYS = {
    "teacher forcing": train("teacher", lambda progress: 0.0, UPDATES),
    "mixture": train("greedy", lambda progress: min(0.25, progress), few),  # scheduled sampling: the share rises
    "own predictions": train("greedy", lambda progress: 1.0, few),
}
print("share of wrong characters, fed the truth / fed itself:")
for name, curve in WAYS.items():
    print(f"{name:15} " + "  ".join(f"{n}: {a.mean():.2f}/{b.mean():.2f}" for n, a, b in curve[1::3] or curve))

# Exposure bias: the moment at which the teacher's pupil does much worse on its own than on the truth.
moment, on_truth, on_own = max(WAYS["teacher forcing"], key=lambda at: float((at[2] - at[1]).mean()))
print(f"teacher forcing after {moment} updates: fed the truth {on_truth.mean():.1%} wrong at every distance alike;")
print(f"fed itself {on_own[:9].mean():.1%} in the first three numbers, {on_own[-9:].mean():.1%} in the last three")
assert on_own[-9:].mean() > on_own[:9].mean() + 0.1  # errors make errors
assert on_own.mean() > on_truth.mean() + 0.1
assert WAYS["own predictions"][-1][1].mean() > 0.5  # never shown a number, it learns where the blanks are
if not options.quick:
    assert WAYS["teacher forcing"][-1][1].mean() < 0.05
    assert WAYS["mixture"][-1][2].mean() < 0.3

figure = Figure(figsize=(8, 3.4), layout="constrained")
left, right = figure.subplots(1, 2)
for (name, curve), colour in zip(WAYS.items(), (BLUE, GREEN, ORANGE), strict=True):
    left.plot([n for n, _, _ in curve], [b.mean() for _, _, b in curve], color=colour, label=name)
    left.plot([n for n, _, _ in curve], [a.mean() for _, a, _ in curve], "--", color=colour, linewidth=1)
left.set(xlabel="update", ylabel="wrong characters", ylim=(0, 1), title="fed itself, fed the truth (dashed)")
left.legend(fontsize=8)
numbers = len(on_own) // 3
for values, style in ((on_own, "-"), (on_truth, "--")):
    right.plot(range(1, numbers + 1), values[: 3 * numbers].view(-1, 3).mean(1), style, color=BLUE)
right.set(xlabel="numbers since the last true one", ylim=(0, 1), title=f"teacher forcing, update {moment}")
save(figure, options, "04_feeding")
