"""Steps: runs of the other tasks on the page, their numbers against the lens, hostile tokens and labels as text."""

from __future__ import annotations

import math
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from starlette.testclient import TestClient
from tests.lens.tasks.tiny import tiny_run
from tests.serve.conftest import Visit
from tests.serve.test_save_svg import SVG, saved

from tidegate.errors import ArgumentError
from tidegate.lens.session.example_session import MAX_LENGTH, ExampleSession
from tidegate.lens.session.session import Session
from tidegate.lens.tasks import ExampleLook, Look, look_at
from tidegate.lens.tasks.classifier import look_at_class
from tidegate.serve.report import report, write_report
from tidegate.serve.screens.steps import MAX_STEPS, look
from tidegate.serve.server import application
from tidegate.tasks.classify.task import ClassifyConfig, ClassifyTask
from tidegate.tasks.forecast.config import ForecastConfig
from tidegate.tasks.forecast.task import ForecastTask
from tidegate.tasks.probe.task import ProbeConfig, ProbeTask
from tidegate.tasks.regress.config import RegressConfig
from tidegate.tasks.regress.task import RegressTask
from tidegate.tasks.seq2seq.caption import CaptionConfig, CaptionTask
from tidegate.tasks.seq2seq.translate import TranslateConfig, TranslateTask
from tidegate.tasks.tag.task import TagConfig, TagTask
from tidegate.train import Run
from tidegate.train.registry import register_task

SCRIPT = "<script>document.title='taken'</script>"
IMAGE = "<img/src=x/onerror=alert(1)>"
SHARES = (0.5, 0.5, 0.0)
SIZES: dict[str, Any] = {"hidden_size": 5, "embedding_size": 4, "min_count": 1}
Served = Callable[[str], tuple[ExampleSession, str]]


def _tag(folder: Path) -> Run:
    sentences = (["w0", "Ann", "Lee"], [SCRIPT], ["w1", SCRIPT, "w0", "Ann"], ["Ann", "Lee", IMAGE]) * 3
    tags = {"Ann": f"B-{IMAGE}", "Lee": f"I-{IMAGE}", SCRIPT: "B-L", IMAGE: "O", "w0": "O", "w1": "O"}
    (folder / "a.conll").write_text("\n".join("".join(f"{it}\t{tags[it]}\n" for it in words) for words in sentences))
    return tiny_run(TagTask, [folder / "a.conll"], TagConfig(**SIZES, num_layers=2), shares=SHARES)[1]


def _characters(folder: Path) -> Run:
    rows = '{"text": "ab\\na", "tags": ["x", "x", "z", "x"]}\n{"text": "b", "tags": ["<b>"]}\n'
    (folder / "a.jsonl").write_text(rows * 6)
    return tiny_run(TagTask, [folder / "a.jsonl"], TagConfig(**SIZES), shares=SHARES)[1]


def _classify(folder: Path) -> Run:
    lines = (
        f"__label__{(IMAGE, 'b', 'c')[n % 3]} so {('good', 'bad', IMAGE)[n % 3]} {'z ' * (n % 4)}" for n in range(18)
    )
    (folder / "a.txt").write_text("\n".join(lines) + "\n")
    config = ClassifyConfig(**SIZES, level="words", pooling="attention")
    return tiny_run(ClassifyTask, [folder / "a.txt"], config, shares=SHARES)[1]


def _frames(folder: Path) -> Run:
    draw = np.random.default_rng(0)
    np.savez(folder / "a.npz", frames=draw.random((12, 7, 9)), labels=np.arange(12) % 3)
    config = ClassifyConfig(hidden_size=5, bidirectional=False)
    return tiny_run(ClassifyTask, [folder / "a.npz"], config, shares=SHARES)[1]


def _translate(folder: Path) -> Run:
    texts = ["".join("abc<"[(n * k) % 4] for k in range(1, 3 + n % 6)) for n in range(12)]
    (folder / "a.tsv").write_text("".join(f"{text}\t{text[::-1]}<b>\n" for text in texts))
    config = TranslateConfig(**SIZES, num_layers=2, beam=3, max_length=7)
    return tiny_run(TranslateTask, [folder / "a.tsv"], config, shares=SHARES)[1]


def _caption(folder: Path) -> Run:
    features = np.arange(12 * 10).reshape(12, 10) % 7
    np.savez(folder / "a.npz", features=features, captions=[("one", SCRIPT, "three")[n % 3] for n in range(12)])
    return tiny_run(CaptionTask, [folder / "a.npz"], CaptionConfig(**SIZES, beam=2), shares=SHARES)[1]


def _forecast(folder: Path) -> Run:
    lines = (f"{10 + 3 * math.sin(t / 3):.5f}" for t in range(100))
    (folder / "a.csv").write_text("a\n" + "".join(line + "\n" for line in lines))
    config = ForecastConfig(hidden_size=5, horizon=4, window=20, paths=15)
    return tiny_run(ForecastTask, [folder / "a.csv"], config, shares=SHARES)[1]


def _regress(folder: Path) -> Run:
    lines = (f"{SCRIPT[t % 2 :]},{math.sin(t / 3):.5f},{'' if t % 7 == 3 else t}" for t in range(120))
    (folder / "a.csv").write_text(f"of,{IMAGE},<b>\n" + "".join(line + "\n" for line in lines))
    config = RegressConfig(inputs=IMAGE, targets="<b>", hidden_size=5, series_column="of")
    return tiny_run(RegressTask, [folder / "a.csv"], config, shares=SHARES)[1]


RUNS = {
    "tag": _tag,
    "characters": _characters,
    "classify": _classify,
    "frames": _frames,
    "translate": _translate,
    "caption": _caption,
    "forecast": _forecast,
    "regress": _regress,
}
every = pytest.mark.parametrize("name", RUNS)


@pytest.fixture(scope="module")
def givens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], ExampleSession]]:
    made: dict[str, ExampleSession] = {}

    def give(name: str) -> ExampleSession:
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            run = RUNS[name](folder)
            (run.folder / "metrics.jsonl").write_text("")  # it was not trained
            made[name] = ExampleSession(run)
        return made[name]

    yield give
    for it in made.values():
        it.close()


@pytest.fixture(scope="module")
def served(givens: Callable[[str], ExampleSession], serve: Callable[[Any], str]) -> Served:
    addresses: dict[str, str] = {}

    def start(name: str) -> tuple[ExampleSession, str]:
        if name not in addresses:
            addresses[name] = serve(givens(name))
        return givens(name), addresses[name]

    return start


@pytest.fixture
def client(givens: Callable[[str], ExampleSession]) -> Callable[[str], Any]:
    return lambda name: TestClient(application(givens(name)), base_url="http://127.0.0.1")


def looked(run: Run, given: Any, **options: Any) -> Any:
    return look_at(run, given, **options)


def unpacked(packed: Any) -> Any:
    return np.frombuffer(b64decode(packed["data"]), np.int8).reshape(packed["shape"]) / 127 * packed["scale"]


def no_markup(page: Any) -> None:
    """What is in the data is nowhere an element, and ran nowhere."""
    assert page.title().endswith(" - Tidegate")
    assert page.evaluate("document.querySelectorAll('main script, main img, main b').length") == 0


@every
def test_the_screen_is_there_and_others_are_not(client: Any, name: str) -> None:
    about = client(name).get("/api/about").json()
    titles = {"characters": "Tags", "tag": "Tags", "classify": "Classes", "frames": "Classes"}
    titles |= {"translate": "Translation", "caption": "Caption", "forecast": "Forecast", "regress": "Values"}
    assert about["screens"] == [
        {"name": "steps", "title": titles[name]},
        {"name": "training", "title": "Training"},
    ]
    assert client(name).get("/api/guesses?start=0&stop=1").status_code == 404


@every
def test_states_are_the_traces(client: Any, givens: Any, name: str) -> None:
    there = client(name)
    for sequence, steps in looked(givens(name).run, 1).steps.items():
        for (layer, direction), named in steps.trace.values.items():
            asked = {"sequence": sequence, "layer": layer, "direction": direction, "name": "h", "text": 1}
            packed = there.get("/api/states", params=asked).json()
            np.testing.assert_allclose(unpacked(packed), named["h"], atol=packed["scale"] / 127)


def test_predictions_and_truth_are_those_of_the_lens(client: Any, givens: Any) -> None:
    found, own = client("tag").get("/api/look?text=2").json(), looked(givens("tag").run, 2)
    assert (found["tags"], found["true_tags"]) == (own.prediction["tags"], own.truth["tags"])
    assert found["spans"] == [list(it) for it in own.spans]
    assert found["probabilities"] == pytest.approx(own.prediction["probabilities"], abs=1e-4)
    assert found["positions"] is None  # an example of the run's own data is words, and not a text
    assert found["sequences"][0]["guesses"][0][0] == [
        own.prediction["tags"][0],
        pytest.approx(float(own.steps["input"].choices.probabilities[0].max()), abs=1e-4),
    ]
    found, own = client("classify").get("/api/look?text=2").json(), looked(givens("classify").run, 2)
    assert (found["label"], found["true_label"]) == (own.prediction["label"], own.truth["label"])
    assert found["probabilities"][0] == [
        own.prediction["label"],
        pytest.approx(max(own.prediction["probabilities"].values()), abs=1e-4),
    ]
    assert [row[-1] for row in found["running"]] == pytest.approx([p for _, p in found["probabilities"]], abs=1e-4)
    found, own = client("translate").get("/api/look?text=2").json(), looked(givens("translate").run, 2)
    assert found["texts"] == [[it["text"], pytest.approx(it["score"], abs=1e-4)] for it in own.prediction["n_best"]]
    assert [it[5] for it in found["tree"]["branches"]] == [it.fate for it in own.tree.branches]
    first = own.tree.path(own.tree.leaves[0])
    logs = [math.log(p) for p in found["written_p"]]
    assert logs == pytest.approx([own.tree.branches[n].log_p for n in first], abs=0.02)
    found, own = client("forecast").get("/api/look?text=2").json(), looked(givens("forecast").run, 2)
    (found,) = found["forecasts"]
    assert pytest.approx(own.ahead, rel=1e-5) == np.array(found["ahead"]).T
    assert found["true_values"] == pytest.approx(own.truth["values"], rel=1e-5)
    found, own = client("regress").get("/api/look?text=0").json(), looked(givens("regress").run, 0)
    (target,) = found["targets"]
    assert target["predicted"] == pytest.approx(own.predicted[:, 0], rel=1e-5)
    assert target["error"] == [None if np.isnan(it) else pytest.approx(it, rel=1e-5) for it in own.error[:, 0]]
    assert found["inputs"][0]["values"] == pytest.approx(own.read[:, 0], rel=1e-5)


@pytest.mark.parametrize("name", ["classify", "translate"])
def test_attention_and_frames_are_the_lens(client: Any, givens: Any, name: str) -> None:
    found, own = client(name).get("/api/look?text=1").json()["attention"], looked(givens(name).run, 1)
    np.testing.assert_allclose(unpacked(found), own.attention, atol=own.attention.max() / 127)
    found = client("frames").get("/api/look?text=1").json()["sequences"][0]["pictures"]
    frames = looked(givens("frames").run, 1).steps["input"].frames
    np.testing.assert_allclose(unpacked(found), frames.values, atol=1 / 127)


def test_another_beam_is_another_search(client: Any, givens: Any) -> None:
    found = client("translate").get("/api/look?text=2&beam=2").json()
    assert found["tree"]["width"] == 2
    assert len(found["texts"]) == 2
    assert found["texts"][0][0] == looked(givens("translate").run, 2, beam=2).prediction["text"]


@pytest.mark.parametrize(
    ("name", "question", "said"),
    [
        ("tag", "look?text=99", "There is no example 99"),
        ("tag", "look?beam=3", "beam is given, but"),
        ("translate", "look?beam=17", "give 1 to 16"),
        ("translate", "states?sequence=input&name=h", "no sequence 'input': choose one of source, target"),
        ("tag", "states?sequence=input&name=x", "no 'x' in the trace"),
        ("tag", "states?sequence=input&name=h&layer=7", "layer 7: there are 2"),
    ],
)
def test_an_invalid_question_has_an_error_message(client: Any, name: str, question: str, said: str) -> None:
    answer = client(name).get("/api/" + question)
    assert answer.status_code == 400
    assert said in answer.json()["error"]


def test_a_typed_text_is_read_as_by_predict(client: Any, givens: Any) -> None:
    there, run = client("classify"), givens("classify").run
    number = there.post("/api/text", json={"text": "so\ngood"}).json()["text"]
    found = there.get(f"/api/look?text={number}").json()
    assert found["label"] == looked(run, "so good").prediction["label"]
    assert (found["sequences"][0]["read"], found["true_label"]) == (["so", "good"], None)
    assert there.get("/api/examples").json()["names"][number] == "typed: so good"
    count = len(givens("classify").examples)
    for text, said in (("", "nothing to look at"), ("x" * (MAX_LENGTH + 1), "at most 2,000")):
        answer = there.post("/api/text", json={"text": text})
        assert answer.status_code == 400
        assert said in answer.json()["error"]
    assert len(givens("classify").examples) == count
    for name in ("frames", "caption", "forecast"):
        answer = client(name).post("/api/text", json={"text": "so good"})
        assert "reads no text" in answer.json()["error"]


def test_a_run_without_held_out_examples_raises(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("__label__x so good\n__label__y so bad\n")
    _, run = tiny_run(ClassifyTask, [tmp_path / "a.txt"], ClassifyConfig(**SIZES, level="words"))
    with pytest.raises(ArgumentError, match="give TEXT or --file"):
        ExampleSession(run)


def test_a_probe_has_its_training_only(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", frames=draw.random((12, 7, 2)), targets=draw.random((12, 7)))
    _, run = tiny_run(ProbeTask, [tmp_path / "a.npz"], ProbeConfig(hidden_size=5), shares=SHARES)
    (run.folder / "metrics.jsonl").write_text("")
    there = TestClient(application(Session([run])), base_url="http://127.0.0.1")
    assert [it["name"] for it in there.get("/api/about").json()["screens"]] == ["training"]
    assert "Tidegate" in report(Session([run]))


def test_of_a_long_example_the_beginning_is_shown(tmp_path: Path) -> None:
    long = " ".join(["a", "b"] * (MAX_STEPS // 2 + 5))
    (tmp_path / "a.txt").write_text(f"__label__x {long}\n__label__y b\n" * 2)
    config = ClassifyConfig(**SIZES, level="words", bidirectional=False)
    _, run = tiny_run(ClassifyTask, [tmp_path / "a.txt"], config)
    session = ExampleSession(run, list(ClassifyTask.read(tmp_path / "a.txt", config)))
    found = look(session)
    (sequence,) = found["sequences"]
    assert (sequence["steps"], len(sequence["read"]), len(found["running"][0])) == (
        MAX_STEPS + 10,
        MAX_STEPS,
        MAX_STEPS,
    )


@every
def test_it_loads_with_the_right_number(served: Served, visit: Callable[..., Visit], name: str) -> None:
    session, address = served(name)
    page = visit(address).open("steps", text=1)
    own = looked(session.run, 1)
    assert not page.query_selector("main .wrong") or name in ("tag", "characters")
    if name in ("tag", "characters"):
        page.click(".token >> nth=0")
        best = own.steps["input"].choices.top(1)[0][0]
        row = page.inner_text(".side tbody tr >> nth=0").split("\t")
        assert (row[0].strip(), float(row[1])) == (best[0], pytest.approx(best[1], abs=1e-3))
    elif name in ("classify", "frames"):
        shown = page.inner_text(".verdict")
        assert shown.startswith(
            f"Prediction: {own.prediction['label']} (p = {max(own.prediction['probabilities'].values()):.3f})"
        )
        assert ("which is right" in shown) == (own.prediction["label"] == own.truth["label"])
    elif name == "forecast":
        row = page.inner_text(".scrolled tbody tr >> nth=0").split("\t")
        assert float(row[3]) == pytest.approx(own.ahead[0, 2], rel=1e-4)
    elif name == "regress":
        labels = page.evaluate("[...document.querySelectorAll('.chart')].map(it => it.ariaLabel)")
        assert labels[:2] == ["Prediction of <b>: predicted, target", "Error of <b>: predicted - target"]
        assert labels[2] == f"Input {IMAGE}: {IMAGE}"
    else:
        assert page.inner_text(".verdict strong") == own.prediction["text"]
        assert page.locator(".tree .node").count() == len(own.tree.branches)
    assert page.locator("canvas.heat").count() == list(own.steps.values())[-1].trace.directions
    no_markup(page)


def test_a_picked_unit_tints_the_tokens(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("tag")
    page = visit(address).open("steps", text=2)
    page.select_option("label:has-text('Gate or state') select", "f")
    page.locator("h3", has_text="f of layer 0").first.wait_for()
    page.click("canvas.heat >> nth=1", position={"x": 2, "y": 74})  # 120 px for 5 units
    page.locator("main .told", has_text="unit 0/3, from the end").wait_for()
    value = looked(session.run, 2).steps["input"].trace[0, 1]["f"][:, 3]
    said = page.locator("main .told", has_text="unit 0/3, from the end").inner_text()
    assert float(said.partition(": f ")[2].split()[0]) == pytest.approx(value[0], abs=0.01)
    assert page.input_value("label:has-text('Tint by') select") == "f of unit 0/3, from the end"
    titles = page.evaluate("[...document.querySelectorAll('.token .piece')].map(it => it.title)")
    assert [float(it.rpartition(": ")[2]) for it in titles] == pytest.approx(value, abs=0.01)


def test_wrong_tags_are_described_in_words(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("tag")
    number, own = next(
        (n, it) for n in range(5) if (it := looked(session.run, n)).prediction["tags"] != it.truth["tags"]
    )
    page = visit(address).open("steps", text=number)
    pairs = list(zip(own.prediction["tags"], own.truth["tags"], strict=True))
    assert page.locator(".token .truth").count() == sum(said != true for said, true in pairs)
    assert f"{sum(said == true for said, true in pairs)} of {len(pairs)} are right" in page.inner_text("main")
    page.focus(".tokens")
    page.keyboard.press("End")
    page.locator(".side", has_text=f"step {len(pairs) - 1}").wait_for()
    assert page.inner_text(".side code") == own.steps["input"].read[-1]


def test_the_beam_is_drawn_and_another_can_be_tried(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("translate")
    shapes = {n: looked(session.run, n).attention.shape for n in range(5)}
    number = next(n for n, shape in shapes.items() if min(shape) > 1)
    page = visit(address).open("steps", text=number)
    own = looked(session.run, number)
    assert page.locator(".tree .node.dropped").count() == sum(it.fate == "dropped" for it in own.tree.branches)
    page.focus(".tree")
    page.keyboard.press("ArrowRight")
    first = own.tree.branches[own.tree.path(own.tree.leaves[0])[0]]
    page.locator(".told", has_text=f"log p of the last token {first.log_p:.3f}").wait_for()
    rows, columns = own.attention.shape
    assert page.locator(".matrix tbody td").count() == rows * columns
    page.focus(".matrix")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    told = page.locator(".told", has_text="of its attention was on")
    told.wait_for()
    assert told.inner_text().startswith(f"as it wrote {own.written[1]} (1)")
    share = float(told.inner_text().partition("(1), ")[2].partition("%")[0])
    assert share == pytest.approx(100 * float(own.attention[1, 1]), abs=100 / 127)
    page.fill("label:has-text('Beam') input", "1")
    page.keyboard.press("Tab")
    page.locator("h2", has_text="a beam of 1").wait_for()
    assert page.inner_text(".verdict strong") == looked(session.run, number, beam=1).prediction["text"]


def test_another_text_can_be_typed_and_the_next_chosen(served: Served, visit: Callable[..., Visit]) -> None:
    session, address = served("classify")
    there = visit(address)
    page = there.open("steps")
    page.click("text=Next")
    page.wait_for_url("**/*text=1*")
    page.click("summary")
    page.fill("textarea", f"so {IMAGE} good")
    page.click("text=Read it")
    page.locator("select option:checked", has_text="typed: so").wait_for(state="attached")
    label = looked(session.run, f"so {IMAGE} good").prediction["label"]
    page.locator(".verdict", has_text=f"Prediction: {label}").wait_for()
    no_markup(page)
    page.click("summary")
    page.fill("textarea", "")
    page.click("text=Read it")
    page.locator("main .wrong", has_text="nothing to look at").wait_for()
    assert [it for it in there.faults if "400" not in it] == []
    there.faults.clear()  # the browser itself notes every answer of 400


def test_attention_and_the_beam_are_saved_as_svg(served: Served, visit: Callable[..., Visit]) -> None:
    page = visit(served("translate")[1], color_scheme="dark").open("steps", text=1)
    cells, nodes = page.locator(".matrix tbody td").count(), page.locator(".tree .node").count()
    assert min(cells, nodes) > 0
    _, root = saved(page, "Attention")
    assert len(list(root.iter(f"{SVG}rect"))) == cells + 1  # and the ground
    _, root = saved(page, "Beam search of width 3")
    assert len([it for it in root.iter(f"{SVG}g") if "data-n" in it.attrib]) == nodes
    dark = page.locator(".tree .node text").first.evaluate("it => getComputedStyle(it).fill")
    assert next(root.iter(f"{SVG}text")).attrib["fill"] != dark


@pytest.mark.parametrize("name", ["tag", "frames", "translate", "forecast", "regress"])
def test_it_fits_a_phone_in_the_dark(served: Served, visit: Callable[..., Visit], name: str) -> None:
    page = visit(served(name)[1], viewport={"width": 390, "height": 800}, color_scheme="dark").open("steps")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@every
def test_it_works_from_the_file_alone(givens: Any, visit: Callable[..., Visit], tmp_path: Path, name: str) -> None:
    session = givens(name)
    write_report(session, tmp_path / "report.html")
    there = visit((tmp_path / "report.html").as_uri(), offline=True)
    page = there.open("steps", text=1)
    assert page.locator("canvas.heat").count() >= 1
    assert not page.query_selector("main textarea")
    page.select_option("label:has-text('Gate or state') select", "h")
    page.locator("h3", has_text="h of layer 0").first.wait_for()
    no_markup(page)
    assert [it for it in there.asked if not it.startswith("data:")] == [there.asked[0]]
    page = there.open("training")


class OwnTask(ClassifyTask):
    name = "own_on_the_page"
    look = "tests.serve.test_screen_steps:own_look"


register_task(cast(Any, OwnTask))


def own_look(run: Run) -> ExampleLook:
    def compute(task: ClassifyTask, model: Any, example: Any) -> Look:
        return Look(task.name, look_at_class(task, model, example).steps, {"own": IMAGE}, None, None)

    return ExampleLook(compute, title="Mine", text_field="text")


def test_a_task_of_ones_own_has_a_page(
    tmp_path: Path, serve: Callable[[Any], str], visit: Callable[..., Visit]
) -> None:
    (tmp_path / "a.txt").write_text("__label__x so good\n__label__y so bad\n" * 4)
    _, run = tiny_run(OwnTask, [tmp_path / "a.txt"], ClassifyConfig(**SIZES, level="words"), shares=SHARES)
    (run.folder / "metrics.jsonl").write_text("")
    with ExampleSession(run) as session:
        page = visit(serve(session)).open("steps")
        assert page.inner_text("[role=tab][aria-selected=true]") == "Mine"
        assert page.inner_text(".verdict strong") == f'{{"own": "{IMAGE}"}}'
        assert page.locator("canvas.heat").count() == 2  # one for each direction
        no_markup(page)
        write_report(session, tmp_path / "report.html")
    page = visit((tmp_path / "report.html").as_uri(), offline=True).open("steps")
    assert page.inner_text(".verdict strong") == f'{{"own": "{IMAGE}"}}'
