"""Hidden units of tasks: planted ones are found and their ablation breaks what they track; values against torch."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.lens.tasks.planted import HIDDEN, UNIT, planted
from tests.lens.tasks.tiny import tiny_run

from tidegate.errors import ArgumentError
from tidegate.lens.interventions.intervention import ablate, set_to, swap
from tidegate.lens.tasks.units.find_units import find_units
from tidegate.lens.tasks.units.held_out_halves import columns_of, held_out
from tidegate.lens.tasks.units.recorded_steps import recorded_steps
from tidegate.lens.tasks.units.subject import StepLabel
from tidegate.lens.tasks.units.unit_effect import unit_effect
from tidegate.lens.tasks.units.unit_examples import unit_examples
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.train import Run


@pytest.mark.parametrize("direction", [0, 1])
def test_a_planted_unit_is_found_and_its_ablation_breaks_its_tag_only(tmp_path: Path, direction: int) -> None:
    run = planted(tmp_path, direction)
    found = find_units(run)
    it = found["IN"]
    assert (it.layer, it.direction, it.unit, it.sign, it.score, it.chosen_score) == (0, direction, UNIT, 1, 1.0, 1.0)
    assert max(it.untrained, it.shuffled) < 0.97
    assert it.values == 6 * HIDDEN * (1 + direction)
    assert found.scores["IN"][0, direction, "c"][UNIT] == 1
    assert (", reverse)" in str(it)) == (direction == 1)
    assert found["OUT"].sign == -1
    assert "determiner" in found.absent or found["determiner"].score < 1
    shown = unit_examples(run, 0, "c", UNIT, direction=direction, label="IN", count=3)
    assert len(shown) == 3
    for one in shown:
        np.testing.assert_allclose(one.values, one.label, atol=1e-6)
        assert "(" in one.read
        assert len(one.read) == len(one.values)
    effect = unit_effect(run, ablate(0, "c", UNIT, direction=direction))
    assert list(effect.losses) == list(effect.errors)
    assert len(effect.controls) == HIDDEN - 1
    for name, after in (("IN", 1.0), ("OUT", 0.0)):
        assert (effect.errors[name].before, effect.errors[name].after) == (0, after)
        assert not effect.errors[name].control_changes.any()
    assert effect.losses["IN"].change > 10
    assert abs(effect.losses["OUT"].change) < 1e-3
    assert effect.losses["all"].count == effect.losses["IN"].count + effect.losses["OUT"].count
    forced = unit_effect(run, set_to(0, "c", UNIT, 1.0, direction=direction), controls=1)
    assert (forced.errors["IN"].after, forced.errors["OUT"].after) == (0, 1)
    assert "unit 0/3 (c" in str(forced)
    assert "share of wrong predictions" in str(forced)


def texts(folder: Path) -> Path:
    rng = random.Random(2)
    lines = [f"{label}\t{''.join(rng.choices(label * 2 + 'xyz', k=rng.randint(1, 9)))}" for label in "abc" * 40]
    path = folder / "texts.tsv"
    path.write_text("label\ttext\n" + "\n".join(sorted(lines)))
    return path


@pytest.fixture(scope="module")
def classified(tmp_path_factory: pytest.TempPathFactory) -> Run:
    config = ClassifyConfig(
        embedding_size=7, hidden_size=HIDDEN, pooling="last", level="characters", dropout=0.0, num_layers=2,
        label_column="label", text_column="text",
    )  # fmt: skip
    return tiny_run(ClassifyTask, [texts(tmp_path_factory.mktemp("texts"))], config, shares=(0.3, 0, 0.7))[1]


def test_recorded_steps_are_those_of_each_example_and_then_the_final_states(classified: Run) -> None:
    held = held_out(classified)
    sequence = held.subject.sequences["input"]
    made = recorded_steps(held, classified.model, sequence, ["h", "f"])
    layers, at = classified.model.recurrent, 0
    for example in held.examples:
        x = classified.model.input(torch.tensor(example["inputs"]))[None]
        with torch.no_grad():
            alone, (final, _) = layers.trace(x, names=["h", "f"]), layers(x)[1]
        steps = len(example["inputs"])
        for place, named in made.values.items():
            for name, values in named.items():
                np.testing.assert_allclose(values[at : at + steps], alone[place][name][0].numpy(), atol=1e-6)
            last = final[2 * place[0] + place[1], 0].numpy()
            np.testing.assert_allclose(named["h"][at + steps], last, atol=1e-6)
        at += steps + 1
    assert all(len(values) == at for named in made.values.values() for values in named.values())


def test_classes_are_labels_at_the_end_and_of_every_step(classified: Run) -> None:
    held = held_out(classified)
    labels = {it.name: it for it in held.subject.sequences["input"].labels(held.task)}
    example = held.examples[0]
    steps = len(example["inputs"])
    own = held.task.preprocessing.vocabulary("labels")[int(example["label"][0])]
    assert labels[f"{own}, at the end"].rows(example, steps).tolist()[-1] == 1
    assert np.isnan(labels[f"{own}, at the end"].rows(example, steps)[:-1]).all()
    np.testing.assert_array_equal(labels[f"{own}, at any step"].rows(example, steps), [*[1] * steps, np.nan])
    np.testing.assert_array_equal(labels["steps to come"].rows(example, steps)[:-1], np.arange(steps)[::-1])
    number, step = held.half(held.subject.sequences["input"])
    assert step == 0
    parts = [sum(len(it["inputs"]) for it in own) for own in (held.examples[:number], held.examples[number:])]
    assert abs(parts[0] - parts[1]) < 20
    half = unit_examples(classified, 1, "h", 0, direction=1, label=f"{own}, at the end", count=5)
    assert [it.label[0] for it in half] == [1, 1, 1, 0, 0]
    # The files are sorted by class, and the examples are not: all classes are in both halves.
    assert all(
        len({int(it["label"][0]) for it in own}) == 3 for own in (held.examples[:number], held.examples[number:])
    )


def test_losses_and_errors_are_those_of_the_metrics(classified: Run) -> None:
    held = held_out(classified)
    number, _ = held.half(held.subject.sequences["input"])
    effect = unit_effect(classified, set_to(1, "h", 2, 0.5, direction=1), controls=2)
    assert effect.examples == len(held.examples) - number
    losses: dict[str, list[float]] = {}
    wrong: dict[str, list[float]] = {}
    classes = held.task.preprocessing.vocabulary("labels").entries
    for example in held.examples[number:]:
        columns, label = columns_of([example], "cpu"), int(example["label"][0])
        with torch.no_grad():
            logits = classified.model(*columns["inputs"])[0]
        for name in ("all", classes[label]):
            losses.setdefault(name, []).append(-float(logits.log_softmax(-1)[label]))
            wrong.setdefault(name, []).append(float(logits.argmax()) != label)
    for name, values in losses.items():
        assert effect.losses[name].before == pytest.approx(np.mean(values), rel=1e-5)
        assert effect.errors[name].before == np.mean(wrong[name])
        assert effect.losses[name].count == len(values)
    assert next(iter(effect.losses)) == "all"


def test_invalid_arguments_are_refused(classified: Run) -> None:
    wrong = StepLabel("odd", "yes/no", lambda example: np.arange(len(example["inputs"])))
    short = StepLabel("short", "count", lambda example: np.zeros(len(example["inputs"]) + 1))
    with pytest.raises(ArgumentError, match="'odd' is of kind 'yes/no', but gave other numbers"):
        find_units(classified, labels=[wrong])
    with pytest.raises(ArgumentError, match=r"'short' gave float64 of shape .* one number or bool for each step"):
        find_units(classified, labels=[short])
    with pytest.raises(ArgumentError, match="need different names"):
        find_units(classified, labels=[])
    with pytest.raises(ArgumentError, match="no sequence 'target': choose one of input"):
        find_units(classified, sequence="target")
    with pytest.raises(ArgumentError, match="names is empty"):
        find_units(classified, names=[])
    with pytest.raises(ArgumentError, match="a swap needs both units' values"):
        unit_effect(classified, swap(0, "h", 1, 2))
    with pytest.raises(ArgumentError, match="no layer 2 in direction 0: there are 2 layers, in both directions"):
        unit_examples(classified, 2, "h", 0)
    with pytest.raises(ArgumentError, match=r"no hidden unit 9: they are 0\.\.4"):
        unit_examples(classified, 0, "h", 9)
    with pytest.raises(ArgumentError, match="no property 'noun': choose one of a, at the end, "):
        unit_examples(classified, 0, "h", 0, label="noun")
    with pytest.raises(ArgumentError, match=r"the hidden units are 0\.\.4"):
        unit_effect(classified, ablate(0, "h", HIDDEN))
