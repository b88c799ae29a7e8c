"""Step 6: one cell of an LSTM knows whether it is inside quotes.

Words are the same inside quotes and outside, so that only a memory can say whether a quote may close now. Nobody tells
the network to keep it in one unit. We look for such a unit, with controls, and cut it to see whether it was it.
"""

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREEN, GREY, ORANGE, arguments, save

from tidegate.lens import read
from tidegate.lens.hidden_units.detectors import DETECTORS
from tidegate.lens.hidden_units.finder import find_cells
from tidegate.lens.interventions.effect import effect
from tidegate.lens.interventions.intervention import ablate
from tidegate.text import CharacterTokenizer, LanguageModel, LanguageModelConfig, Streams
from tidegate.text.feeding import NO_PREDICTION
from tidegate.text.truncated_bptt import window_loss

options = arguments(__doc__)
random = np.random.default_rng(0)
WORDS = [a + b for a in ("ka", "lo", "mi", "ru", "se") for b in ("n", "ta", "do", "r")]


def line() -> str:
    """Words, and with one chance in five before each a stretch of 3 to 8 of them in quotes."""
    parts: list[str] = []
    while len(parts) < 8:
        parts.append(random.choice(WORDS))
        if random.random() < 0.2:
            parts.append('"' + " ".join(random.choice(WORDS, random.integers(3, 9))) + '"')
    return " ".join(parts) + "\n"


def text(lines: int) -> str:
    return "".join(line() for _ in range(lines))


training, held_out = text(1500), text(200 if options.quick else 400)
tokenizer = CharacterTokenizer("".join(sorted(set(training))))

torch.manual_seed(0)
model = LanguageModel(LanguageModelConfig(tokenizer.vocabulary_size, cell="lstm", hidden_size=24))
optimizer = torch.optim.Adam(model.parameters(), 0.02)
nothing = torch.full((16,), NO_PREDICTION)
for epoch in range(6 if options.quick else 10):
    optimizer.param_groups[0]["lr"] = 0.02 if epoch < 4 else 0.005
    state = model.zero_state(16)
    for window in Streams(tokenizer.encode(training), 16, k1=64, k2=64):
        loss, state, *_ = window_loss(model, window, state, nothing, k2=64)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
print(f"trained on {len(training):,} characters: {loss.item():.3f} nats per character")

# 1. Which of the 24 cell states goes with "inside quotes"? Chosen on one half of new text, measured on the other.
found = find_cells(model, tokenizer, held_out, detectors=[DETECTORS["quote"]], names=["c"])["quote"]
print(found)
assert found.score > 0.85
assert found.score > max(found.untrained, found.shuffled) + 0.1

# 2. Cut it: hold that unit's c at 0, and the same with each other unit; on the half that did not choose it.
hurt = effect(model, tokenizer, held_out[len(held_out) // 2 :], ablate(found.layer, "c", found.unit))
print(hurt)
closing = hurt.classes["closing quotes"]
letters = hurt.classes["letters"]
assert closing.change > 0.5
assert closing.change > closing.control_mean
assert closing.change > 2 * letters.change

# 3. The picture: lines as the cell sees them, its score beside the controls, and what the cut does.
lines = [line for line in held_out.split("\n") if line.count('"') >= 4 and len(line) < 90][:3]
values = read(model, tokenizer, "\n".join(lines), names="c").trace.sel(layer=0, direction=0, name="c", unit=found.unit)
shade = found.sign * values.values / np.abs(values.values).max()
figure = Figure(figsize=(8, 3.8), layout="constrained")
parts = figure.subplot_mosaic([["page", "page"], ["score", "effect"]], width_ratios=(1, 2))
page, score, bars = parts["page"], parts["score"], parts["effect"]
cells, at = np.full((len(lines), 90), np.nan), 0
for row, shown in enumerate(lines):
    cells[row, : len(shown)] = shade[at : at + len(shown)]
    at += len(shown) + 1
    for column, character in enumerate(shown):
        page.text(column, row, character, ha="center", va="center", fontsize=8, family="monospace")
image = page.imshow(cells, cmap="PuOr_r", vmin=-1.3, vmax=1.3, aspect="auto")
page.set(title=f"c of unit {found.unit} after each character (orange: {'high' if found.sign > 0 else 'low'})")
page.axis("off")
score.bar(
    ["trained", "untrained", "shuffled"], [found.score, found.untrained, found.shuffled], color=[BLUE, GREY, GREY]
)
score.axhline(0.5, color=ORANGE, linestyle="--")
score.set(ylim=(0, 1), ylabel="AUC, inside quotes")
shown = ["letters", "blanks", "newline", "opening quotes", "closing quotes"]
place = np.arange(len(shown))
bars.bar(place - 0.2, [hurt.classes[name].change for name in shown], 0.4, color=BLUE, label=f"unit {found.unit} cut")
others = [hurt.classes[name].control_mean for name in shown]
bars.bar(place + 0.2, others, 0.4, color=GREEN, label=f"{len(hurt.controls)} others, mean")
worst = [hurt.classes[name].control_worst for name in shown]
bars.plot(place + 0.2, worst, "_", color=GREY, label="the worst of them")
bars.axhline(0, color="black", linewidth=0.5)
bars.set(xticks=place, xticklabels=[name.replace(" ", "\n") for name in shown], ylabel="nats lost")
bars.legend(fontsize=8, loc="upper left")
save(figure, options, "06_quote_cell", "png")
