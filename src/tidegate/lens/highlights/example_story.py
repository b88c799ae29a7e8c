"""The story of a run of any task but language modelling: loss, worst mistakes, and which hidden units track what."""

from collections.abc import Iterator

from tidegate.lens.highlights.decided_section import decided_section
from tidegate.lens.highlights.example_units import group_of, properties_in_words, unit_story
from tidegate.lens.highlights.outcome_sections import outcome_sections
from tidegate.lens.highlights.run_sections import loss_section
from tidegate.lens.highlights.section import Section, Sentence
from tidegate.lens.highlights.sentences import figure, follows
from tidegate.lens.highlights.unit_sections import best_findings, nothing_holds, story_section
from tidegate.lens.session.example_session import ExampleSession
from tidegate.lens.tasks.outcomes import Outcomes

UNITS = 4  # findings that are shown
MODELS = {
    "classify": "A classifier",
    "tag": "A tagger",
    "translate": "A translator",
    "caption": "A captioner",
    "forecast": "A forecaster",
    "regress": "A regression model",
}


def example_story(session: ExampleSession) -> Iterator[Section]:
    """Yield the sections of the story of a task's run, as they are computed."""
    run = session.run
    outcomes = session.all_outcomes() if session.answers is not None else None
    yield _run_section(session, outcomes)
    if run.validation is not None and run.config.baselines:
        yield loss_section(run, run.validation)
    if outcomes is not None:
        yield from outcome_sections(session, outcomes)
        if session.decisions is not None and outcomes.answers != "numbers":
            yield decided_section(session, outcomes, session.read_unit)
    subject = session.task_look.subject
    if subject is None or session.held_out is None:
        return
    sequence = next(iter(subject.sequences))
    findings = session.find_units(sequence)
    words = properties_in_words(session, sequence)
    chosen = best_findings(findings, group_of, UNITS)
    if not chosen:
        yield nothing_holds(findings, lambda it: follows(it, words[it.detector], "held-out examples"))
    made: list[Section] = []
    for finding in chosen:
        made.append(unit_story(session, finding, sequence, words[finding.detector]))
        yield made[-1]
    yield story_section(made, [f"“{it.detector}”" for it in chosen])


def _run_section(session: ExampleSession, outcomes: Outcomes | None) -> Section:
    run, config = session.run, session.run.config
    layers, size = config.model.num_layers, config.model.hidden_size
    both = ", read in both directions" if getattr(config.model, "bidirectional", False) else ""
    model = MODELS.get(config.task, f"A model of the task {config.task}")
    what = (
        f"{model}: {'one layer' if layers == 1 else f'{layers} layers'} of {size} "
        f"{config.model.cell} units{both}, trained for {run.step:,} steps."
    )
    if outcomes is not None and outcomes.accuracy is not None:
        right = sum(bool(it.right) for it in outcomes.each)
        several = any(it.predictions > 1 for it in outcomes.each)
        share = f"{'entirely ' * several}right ({right / len(outcomes):.1%})"
        what += f" Of {len(outcomes):,} examples of the {outcomes.part} part it gets {right:,} {share}."
    if run.validation is not None:
        what += f" Its validation loss is {figure(run.validation)} {config.loss_name}"
        if config.baselines:
            name, best = min(config.baselines.items(), key=lambda it: it[1])
            verdict = "better" if run.validation < best else "NOT better"
            what += f", {verdict} than the best baseline ({name}: {figure(best)})"
        what += "."
    return Section("run", "The run", (Sentence(what, lead=True),))
