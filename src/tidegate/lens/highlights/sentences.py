"""Sentences on hidden units, made of numbers: what a unit follows, and what is lost without it."""

import math
from collections.abc import Sequence

from tidegate.lens.hidden_units.findings import Finding
from tidegate.lens.interventions.effect import ClassEffect


def follows(finding: Finding, words: str, on: str = "held-out text") -> str:
    """Say what a unit follows, with the score and both controls.

    Args:
        finding: the finding.
        words: ends "the unit is high ..." or, of a property that is a number, "the unit rises ...".
        on: what the score was measured on.
    """
    if finding.kind == "yes/no":
        does, score = ("is high" if finding.sign > 0 else "is low"), "AUC"
    else:
        does, score = ("rises" if finding.sign > 0 else "falls"), "correlation"
    value = f"{finding.name}{', reverse' * finding.direction}"
    return (
        f"Unit {finding.unit} of layer {finding.layer} ({value}) {does} {words}: {score} {finding.score:.2f} on {on}, "
        f"{finding.untrained:.2f} in the best untrained network, {finding.shuffled:.2f} for shuffled labels."
    )


CLEARLY = 1.5
"""How many times the worst cost among other units a unit's own cost is, for the network to depend on it."""


def is_beyond(cost: ClassEffect) -> bool:
    """Whether the loss rises by clearly more than with any of the other units."""
    return cost.change > CLEARLY * max(cost.control_worst, 0.0)


def costs(cost: ClassEffect, tokens: str, controls: int) -> str:
    """Say what a unit's ablation costs in nats, beside the same ablation of other units.

    Args:
        cost: the effect on some tokens.
        tokens: what they are called.
        controls: the number of other units.
    """
    if is_beyond(cost):
        return (
            f"Without it, {tokens} are {figure(cost.change)} nats harder to predict: their probability falls to "
            f"{math.exp(-cost.change):.0%} of what it was. Of {controls} other units none costs more than "
            f"{figure(max(cost.control_worst, 0.0))}."
        )
    amount = f"{figure(abs(cost.change))} nats"
    if cost.change <= 0:
        return f"Without it, {tokens} are {amount} easier to predict: the network does not depend on this unit."
    return (
        f"Without it, {tokens} are {amount} harder to predict; without one of {controls} other units, up to "
        f"{figure(cost.control_worst)}. The network does not depend on this unit alone."
    )


def raises(cost: ClassEffect, group: str, loss: str, controls: int) -> str:
    """Say what a unit's ablation adds to the loss of a task, beside the same ablation of other units.

    Args:
        cost: the effect on the predictions of a group.
        group: what they are called.
        loss: what the loss is measured in.
        controls: the number of other units.
    """
    change = f"{'raises' if cost.change > 0 else 'lowers'} the loss on {group} by {figure(abs(cost.change))} {loss}"
    worst = figure(cost.control_worst)
    if is_beyond(cost):
        return f"Held at 0, it {change}; of {controls} other units none adds more than {worst}."
    if cost.change <= 0:
        return f"Held at 0, it {change}: the network does not depend on this unit."
    return (
        f"Held at 0, it {change}; one of {controls} other units adds up to {worst}. "
        "The network does not depend on this unit alone."
    )


def figure(value: float) -> str:
    """Return a number with two decimals, or two digits if it is small; none that is too small to matter."""
    size = abs(value)
    if value == 0 or size >= 0.0995:
        return f"{value:.2f}" if size < 1000 else f"{value:,.0f}"
    if size >= 1e-4:
        return f"{value:.2g}"
    return "less than 0.0001" if value > 0 else "about 0"


def listed(names: Sequence[str]) -> str:
    """Return names as "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
