"""The tree of a beam search: every continuation it considered, kept or dropped."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp
from typing import Literal

from tidegate.data.vocabulary import Vocabulary
from tidegate.drawing import caption_html
from tidegate.drawing.html import MONOSPACE, escaped
from tidegate.drawing.text import label
from tidegate.errors import ArgumentError
from tidegate.lens.notebook import together
from tidegate.tasks.seq2seq.search import Considered, Hypothesis

Fate = Literal["kept", "finished", "dropped", "cut"]
START = -1
SHOWN = 500  # branches in a notebook's view


@dataclass(frozen=True)
class Branch:
    """A text continued by one token.

    Attributes:
        step: step of the search, 0 for the first token.
        parent: number of the branch that it continues; -1 for the empty text.
        token: the token added.
        log_p: log p(token | the text before it), in nats.
        score: sum of log p from the first token on, by which the branches of a step are ranked.
        fate: "kept" in the beam; "finished" and returned; "dropped" for likelier ones; "cut" at the maximal length.
    """

    step: int
    parent: int
    token: str
    log_p: float
    score: float
    fate: Fate


@dataclass(frozen=True)
class BeamTree:
    """The continuations a beam search considered: at each step the best 2 K of the K texts in the beam.

    Attributes:
        width: K, the width of the beam.
        branches: parents come before their children; those of a step are adjacent, the best first.
        leaves: the texts returned, as the numbers of their last branches, the best first.
    """

    width: int
    branches: tuple[Branch, ...]
    leaves: tuple[int, ...]

    def path(self, branch: int) -> list[int]:
        """Return the numbers of the branches from the first token to this one.

        Raises:
            ArgumentError: there is no such branch.
        """
        if not 0 <= branch < len(self.branches):
            raise ArgumentError(f"There is no branch {branch}: there are {len(self.branches)}, from 0 on.")
        found = []
        while branch != START:
            found.append(branch)
            branch = self.branches[branch].parent
        return found[::-1]

    def __str__(self) -> str:
        texts = [" ".join(label(self.branches[n].token) for n in self.path(leaf)) for leaf in self.leaves]
        scores = [self.branches[leaf].score for leaf in self.leaves]
        return "\n".join(f"{score:8.3f}  {text}" for text, score in zip(texts, scores, strict=True))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Notebook view: nested lists, the texts returned in bold."""
        best = {n for leaf in self.leaves for n in self.path(leaf)}
        inside: dict[int, str] = {}
        for n, it in reversed(list(enumerate(self.branches[:SHOWN]))):  # children first
            token = f"<b>{escaped(label(it.token))}</b>" if n in best else escaped(label(it.token))
            fate = "" if it.fate == "kept" else f", {it.fate}"
            rank = f", text {self.leaves.index(n) + 1}" if n in self.leaves else ""
            shown = f'{token} <span style="opacity:.8">{exp(it.log_p):.1%}, {it.score:.2f} nats{fate}{rank}</span>'
            children = f'<ul style="margin:0;padding-left:1.2em">{inside.pop(n)}</ul>' if n in inside else ""
            inside[it.parent] = f"<li>{shown}{children}</li>" + inside.get(it.parent, "")
        more = f"; the first {SHOWN} are shown" if len(self.branches) > SHOWN else ""
        caption = f"A beam of {self.width}: {len(self.branches)} branches, {len(self.leaves)} texts{more}"
        return together(caption_html(caption), f'<ul style="{MONOSPACE}">{inside.get(START, "")}</ul>')


class BeamTreeBuilder:
    """Builds the tree of a `tidegate.tasks.seq2seq.search.beam_search` over one example, as its ``observe`` callback.

    Args:
        width: K.
        vocabulary: the tokens' texts.
        end: the token that ends a text.
    """

    def __init__(self, width: int, vocabulary: Vocabulary, end: int) -> None:
        self.width, self.vocabulary, self.end, self._steps = width, vocabulary, end, 0
        self._branches: list[Branch] = []
        self._tokens: list[int] = []
        self._beam = [START] * width  # the branch of each hypothesis

    def __call__(self, step: Considered) -> None:
        """Add a step of the search."""
        finished, kept = {place for _, place in step.finished}, step.kept[0].tolist()
        here: dict[int, int] = {}
        each = zip(step.parents[0].tolist(), step.tokens[0].tolist(), step.scores[0].tolist(), strict=True)
        for place, (row, token, score) in enumerate(each):
            if score == -float("inf"):
                continue
            parent = self._beam[row]
            before = 0.0 if parent == START else self._branches[parent].score
            fate: Fate = "finished" if place in finished else "kept" if place in kept else "dropped"
            here[place] = len(self._branches)
            self._branches.append(Branch(self._steps, parent, self.vocabulary[token], score - before, score, fate))
            self._tokens.append(token)
        self._beam = [here.get(place, START) for place in kept]
        self._steps += 1

    def tree(self, found: Sequence[Hypothesis]) -> BeamTree:
        """Return the tree, once the search is over.

        Args:
            found: the texts that the search returned.
        """
        cut = {it for it in self._beam if it != START}
        branches = tuple(replace(it, fate="cut") if n in cut else it for n, it in enumerate(self._branches))
        tree = BeamTree(self.width, branches, ())
        ends = [n for n, it in enumerate(branches) if it.fate in ("finished", "cut")]
        numbers = {tuple(self._tokens[k] for k in tree.path(n)): n for n in ends}
        return replace(tree, leaves=tuple(numbers[*it.tokens, *[self.end] * it.ended] for it in found))
