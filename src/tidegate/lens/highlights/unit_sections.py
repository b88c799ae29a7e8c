"""Sections on single hidden units: what each follows, a text in which it is seen, and what is lost without it."""

from collections.abc import Callable, Sequence

from tidegate.lens.hidden_units.findings import Finding, Findings
from tidegate.lens.highlights.section import Bar, Bars, Link, Section, Sentence, Strip
from tidegate.lens.highlights.sentences import is_beyond, listed
from tidegate.lens.interventions.effect import ClassEffect

MOST = 6  # findings that are shown
NEAREST = 3  # that are named if none holds


def best_findings(findings: Findings, family: Callable[[str], str], most: int = MOST) -> list[Finding]:
    """Return the findings that hold against both controls, the clearest first: of different properties and units.

    They are ranked by how far the score is above both controls, an AUC twice (its chance is 0.5, a correlation's 0).

    Args:
        findings: those of all properties.
        family: from a property's name to that of its family, of which one is taken.
        most: the maximal number.
    """
    chosen: list[Finding] = []
    families: set[str] = set()
    for it in sorted(findings.found.values(), key=lambda it: -_margin(it)):
        used = any(_unit(it) == _unit(other) for other in chosen)
        if it.holds and family(it.detector) not in families and not used and len(chosen) < most:
            families.add(family(it.detector))
            chosen.append(it)
    return chosen


def _unit(it: Finding) -> tuple[int, int, int]:
    return it.layer, it.direction, it.unit


def _margin(it: Finding) -> float:
    return (2 if it.kind == "yes/no" else 1) * (it.score - it.control)


def unit_section(
    title: str,
    seen: Sequence[Sentence | Strip],
    cost: ClassEffect | None,
    cut: Sequence[Sentence | Bars],
    links: Sequence[Link],
) -> Section:
    """Return a section on a hidden unit.

    Args:
        title: its heading.
        seen: what the unit follows, and where that is seen.
        cost: what its ablation costs on the predictions that should suffer; None if that cannot be measured.
        cut: the same in words and beside other units; or why it cannot be measured.
        links: to the screens that show the unit.
    """
    name = "unit" if cost is not None and is_beyond(cost) else "shared"
    return Section(name, title, (*seen, *cut), tuple(links))


def cost_bars(cost: ClassEffect, unit: int, caption: str, measure: str) -> Bars:
    """Return the cost of a unit's ablation beside that of other units.

    Args:
        cost: the effect.
        unit: the hidden unit.
        caption: what is measured, on what.
        measure: its unit of measure.
    """
    bars = (
        Bar(f"unit {unit}", float(f"{cost.change:.4g}"), "own"),
        Bar(f"the worst of {len(cost.control_changes)} others", float(f"{cost.control_worst:.4g}")),
        Bar("others on average", float(f"{cost.control_mean:.4g}")),
    )
    return Bars(caption, measure, bars, signed=True)


def story_section(sections: Sequence[Section], names: Sequence[str]) -> Section:
    """Return what the network has learnt, in a sentence or two, from the sections on single units.

    Args:
        sections: those of the findings, in their order.
        names: of the properties that they are about.
    """
    carried = [(name, it) for name, it in zip(names, sections, strict=True) if it.name == "unit"]
    if not names:
        text = "No single hidden unit follows one of the properties that were searched for."
    elif carried:
        cost = [part.text for part in carried[0][1].parts if isinstance(part, Sentence)][-1]
        text = (
            f"It has learnt to follow {listed([name for name, _ in carried])}, "
            f"{'each ' * (len(carried) > 1)}with one hidden unit. The one for {carried[0][0]}: "
            f"{cost[0].lower()}{cost[1:]}"
        )
    else:
        one = len(names) == 1
        text = (
            f"{'A single hidden unit follows' if one else 'Single hidden units follow'} {listed(names)}. The network "
            f"does not depend on {'it' if one else 'any one of them'}: it predicts about as well without "
            f"{'it' if one else 'one'} as without another unit."
        )
    return Section("story", "What it has learnt", (Sentence(text, lead=True),))


def nothing_holds(findings: Findings, said: Callable[[Finding], str]) -> Section:
    """Say that no unit follows a property better than both controls, and which come nearest.

    Args:
        findings: those of all properties.
        said: what a unit follows, in a sentence.
    """
    near = sorted(findings.found.values(), key=lambda it: -_margin(it))[:NEAREST]
    if not near:
        text = "None of the properties that are searched for occurs often enough in the held-out data."
        return Section("unit", "No hidden unit stands out", (Sentence(text, lead=True),))
    text = (
        f"Of {len(findings.found)} properties none is followed by a single hidden unit clearly better than in "
        "untrained networks and for shuffled labels. That happens in networks that are small, or not trained for long; "
        "they may know these properties all the same, in many units together. The nearest:"
    )
    nearest = (Sentence(said(it)) for it in near)
    return Section("unit", "No hidden unit stands out", (Sentence(text, lead=True), *nearest))
