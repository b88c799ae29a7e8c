"""Step 3: a network of five units learns to write "hello", which no network without a memory can.

After "l" comes "l" the first time and "o" the second. A model that sees only the present letter can at best say half
and half, which costs ln 2 at two of the four places: a floor that the recurrent network falls through.
"""

import math

import numpy as np
import torch
from matplotlib.figure import Figure
from notes import BLUE, GREY, ORANGE, arguments, save

from tidegate.text import CharacterTokenizer, LanguageModel, LanguageModelConfig
from tidegate.text.generation import generate

options = arguments(__doc__)
torch.manual_seed(0)
tokenizer = CharacterTokenizer("ehlo")
text = torch.from_numpy(tokenizer.encode("hello"))[None]
inputs, targets = text[:, :-1], text[:, 1:]  # h e l l -> e l l o

# One-hot vectors in (no embedding), five tanh units, four scores out.
model = LanguageModel(LanguageModelConfig(tokenizer.vocabulary_size, cell="rnn_tanh", hidden_size=5))
print(f"'h' is fed as {model.embed(inputs)[0, 0].tolist()}; {sum(p.numel() for p in model.parameters())} parameters")


def probabilities() -> np.ndarray:
    """(4, 4): for each letter read, the probability of each letter to come."""
    with torch.no_grad():
        return model(inputs)[0][0].softmax(-1).numpy()


def written() -> str:
    """What the model writes after "h", always taking the likeliest letter."""
    return "h" + "".join(piece.text for piece in generate(model, tokenizer, "h", length=4, temperature=0))


before = probabilities()
print(f"untrained it writes {written()!r}")
optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
losses = []
for _ in range(150 if options.quick else 300):
    logits, _ = model(inputs)
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())

after = probabilities()
floor = math.log(2) / 2  # e and the first e -> l can be sure; l -> l and l -> o cost ln 2 each: 2 ln 2 over 4 places
print(f"loss {losses[0]:.3f} -> {losses[-1]:.4f} nats; without a memory it cannot fall below {floor:.3f}")
print(f"trained it writes {written()!r}")
l_first, l_second = after[2], after[3]
print(f"after the first l: p(l) = {l_first[tokenizer.encode('l')[0]]:.3f}; after the second: p(o) = {l_second[3]:.3f}")
assert losses[-1] < 0.1 < floor
assert written() == "hello"

figure = Figure(figsize=(8, 3.2), layout="constrained")
curve, *bars = figure.subplots(1, 5, width_ratios=(2, 1, 1, 1, 1))
curve.plot(losses, color=BLUE)
curve.axhline(floor, color=ORANGE, linestyle="--")
curve.text(len(losses), floor + 0.02, "no memory", color=ORANGE, ha="right", va="bottom")
curve.set(xlabel="update", ylabel="nats per letter", ylim=(0, None))
for t, axis in enumerate(bars):
    axis.barh(range(4), after[t], color=BLUE, label="trained")
    axis.barh(range(4), before[t], color="none", edgecolor=GREY, label="untrained")
    axis.set(xlim=(0, 1), yticks=range(4), yticklabels=list("ehlo") if t == 0 else [], xticks=[0, 1])
    axis.set_title(f"reads {'hell'[t]}", fontsize=10)
    axis.invert_yaxis()
bars[1].set_xlabel("probability of the next letter")
bars[3].legend(fontsize=7, loc="upper right")
save(figure, options, "03_hello")
