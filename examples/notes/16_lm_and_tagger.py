"""Step 16: a language model must not look ahead, a tagger may.

The same text and the same layers, once to say the next character, once to tag each character. The text is generated, so
that its entropy is known: no honest model can have a smaller loss. One that reads from both ends does, by cheating.
"""

import math

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREY, ORANGE, arguments, save
from torch.nn.functional import cross_entropy

import tidegate
from tidegate.errors import ArgumentError

options = arguments(__doc__)
CHARACTERS, END = "abcd.?", 4
SHORTEST, LONGEST, UNITS = 3, 8, 32


# 1. A language: 3 to 8 letters, any of four, then a full stop or a question mark, all equally likely.
def sentences(count, seed):
    """Characters, and a tag for each letter: does it belong to a question? (count * 9 characters at the most)"""
    draw, text, tags = np.random.default_rng(seed), [], []
    for _ in range(count):
        length, mark = draw.integers(SHORTEST, LONGEST + 1), draw.integers(2)
        text += [*draw.integers(0, 4, length), END + mark]
        tags += [*[mark] * length, -1]  # nothing is asked of the mark itself: there it can be read
    return torch.tensor(np.array(text)), torch.tensor(np.array(tags))


# Its entropy: log 6 for the length, log 4 for each letter, log 2 for the mark, over length + 1 characters.
mean_length = (SHORTEST + LONGEST) / 2
entropy = (math.log(LONGEST - SHORTEST + 1) + mean_length * math.log(4) + math.log(2)) / (mean_length + 1)
text, tags = sentences(6000, seed=1)
print("".join(CHARACTERS[k] for k in text[:60]))
print(f"entropy of the language: {entropy:.3f} nats a character; of a tag that is not seen: {math.log(2):.3f}")

T, B = 60, 32
rows = len(text) // T
steps = 100 if options.quick else 400
x = torch.eye(6)[text[: rows * T]].view(rows, T, 6)  # a row for each 60 characters
following = text[1 : rows * T + 1].view(rows, T)
asked = tags[: rows * T].view(rows, T)
test = rows * 2 // 3  # the rows from here on are not learned from


def learn(target, bidirectional, outputs):
    """Loss on unseen text after every 10 steps of training."""
    torch.manual_seed(0)
    layer = tidegate.nn.LSTM(6, UNITS, batch_first=True, bidirectional=bidirectional)
    readout = torch.nn.Linear(layer.output_size, outputs)
    optimizer, curve = torch.optim.Adam([*layer.parameters(), *readout.parameters()], 0.01), []

    def loss(rows):
        return cross_entropy(readout(layer(x[rows])[0]).flatten(0, 1), target[rows].flatten(), ignore_index=-1)

    for step in range(1, steps + 1):
        optimizer.zero_grad()
        loss(torch.randint(0, test, (B,))).backward()
        optimizer.step()
        if step % 10 == 0:
            with torch.no_grad():
                curve.append(loss(slice(test, None)).item())
    return curve, layer


# 2. Four trainings: two tasks, one direction or two.
figure = Figure(figsize=(8, 3.2), layout="constrained")
last, layers = {}, {}
TASKS = {"the next character": (following, 6, entropy), "a question?": (asked, 2, math.log(2))}
for axes, (task, (target, outputs, least)) in zip(figure.subplots(1, 2), TASKS.items(), strict=True):
    for both, colour in ((False, BLUE), (True, ORANGE)):
        name = "both directions" if both else "forward only"
        curve, layers[both] = learn(target, both, outputs)
        last[task, both] = curve[-1]
        print(f"{task:18} {name:15}: loss {curve[-1]:.3f}")
        axes.plot(range(10, steps + 1, 10), curve, color=colour, label=name)
    axes.axhline(least, color=GREY, linestyle=":", label="least for who does not look ahead")
    axes.set(title=task, xlabel="training steps", ylabel="nats", ylim=(0, None))
axes.legend(fontsize=8)
save(figure, options, "16_lm_and_tagger")

# 3. The next character: below the entropy is impossible without having read it. As a tagger the same model is honest.
assert entropy * 0.98 < last["the next character", False]
assert last["the next character", True] < entropy / 4
assert last["a question?", True] < 0.1
assert last["a question?", False] > 0.6

# 4. And it cannot write: there is no future yet to be read. The layer says so.
layers[False].stepper()
try:
    layers[True].stepper()
except ArgumentError as refusal:
    print(f"refused: {refusal}")
else:
    raise AssertionError("a bidirectional layer stepped")
