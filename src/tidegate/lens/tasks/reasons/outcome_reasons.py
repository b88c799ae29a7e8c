"""What an answer that is known to be right or wrong is due to: why the one that was given, and not another?"""

import numpy as np

from tidegate.lens.tasks.inputs import PartName
from tidegate.lens.tasks.look_at import look_at
from tidegate.lens.tasks.outcomes.outcome import Outcome
from tidegate.lens.tasks.reasons.what_decided import Reasons, what_decided
from tidegate.lens.tasks.seq2seq import WriterLook
from tidegate.tasks.seq2seq.task import encode_target
from tidegate.train import Run


def outcome_reasons(run: Run, outcome: Outcome, part: PartName) -> Reasons:
    """Attribute an answer to the steps that were read: a wrong one beside the true one, a right one beside the next.

    Of a tagger it is the answer that the outcome is about. Of a text it is the first token that is not the true one,
    or, of a right text, the one that the model was least sure of.

    Args:
        run: the run.
        outcome: of one of the run's own examples, whose answers are labels or texts.
        part: the part that it is in.

    Raises:
        ArgumentError: the run's decisions cannot be attributed to steps, or the example is too long.
    """
    labels = [] if "labels" not in run.vocabulary.values else run.vocabulary.vocabulary("labels").entries
    if outcome.truth in labels:
        at, target, other = outcome.step, outcome.guess, outcome.truth
    elif outcome.right is not None and not labels:
        at, target, other = _token(run, outcome, part)
    else:  # a label that the training part lacks
        at, target, other = outcome.step, outcome.guess, None
    if target == other:  # beside the likeliest of the others
        made = what_decided(run, outcome.number, at=at, target=target, part=part, steps=1, limit=1)
        other = next((name for name, _ in made.choices if name != target), None)
    return what_decided(run, outcome.number, at=at, target=target, against=other, part=part)


def _token(run: Run, outcome: Outcome, part: PartName) -> tuple[int, str, str | None]:
    """Return the place of a text that is looked at, the token written there, and the true one; None if not known."""
    look = look_at(run, outcome.number, part=part)
    assert isinstance(look, WriterLook)
    written, vocabulary = look.written, run.vocabulary.vocabulary("target")
    if outcome.right:
        choices = look.steps["target"].choices
        assert choices is not None
        numbers = [vocabulary.number(it) for it in written]
        at = int(choices.probabilities[np.arange(len(written)), numbers].argmin())
        return at, written[at], written[at]
    true = vocabulary.decode(encode_target(outcome.truth, run.vocabulary)["target"].tolist())
    differ = [n for n, (a, b) in enumerate(zip(written, true, strict=False)) if a != b]
    if not differ:  # it was cut, or only unknown tokens differ
        at = min(len(written), len(true)) - 1
        return at, written[at], written[at]
    return differ[0], written[differ[0]], true[differ[0]]
