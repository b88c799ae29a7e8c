"""What the page shows is what the lens says: the server's numbers, the browser's colours, and how it is handled."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from starlette.testclient import TestClient
from tests.serve.conftest import Visit, pixels, row_names

from tidegate.lens import read, write
from tidegate.lens.interventions.effect import effect
from tidegate.lens.interventions.intervention import ablate, set_to
from tidegate.lens.session.text_session import TextSession, held_out_text
from tidegate.serve.page_data import palette
from tidegate.serve.report import report
from tidegate.serve.screens.cut import format_interventions
from tidegate.serve.screens.read import SURPRISE
from tidegate.serve.server import application
from tidegate.text.sampling import Sampling
from tidegate.train import Run

PLACES = [(layer, name) for layer in (0, 1) for name in ("g", "c", "h")]  # what can be above zero and below
Start = Callable[..., Visit]


@pytest.fixture(scope="module")
def client(session: TextSession) -> Iterator[Any]:
    with TestClient(application(session), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture(scope="module")
def text(run: Run) -> str:
    return held_out_text(run, 400)


def unpacked(packed: dict[str, Any]) -> NDArray[np.float64]:
    return np.frombuffer(b64decode(packed["data"]), np.int8).reshape(packed["shape"]) / 127 * packed["scale"]


def colour(kind: str, value: float, ground: str = "light") -> tuple[int, int, int]:
    """The background that the palette has for a number from -1 (diverging) or 0 (sequential) to 1."""
    scale = palette()[ground][kind]
    share = (value + 1) / 2 if kind == "diverging" else value
    found = scale[int(np.clip(share, 0, 1) * (len(scale) - 1) + 0.5)][0]
    return int(found[1:3], 16), int(found[3:5], 16), int(found[5:7], 16)


def tint_of(page: Any, n: int) -> tuple[int, ...]:
    """The background of a unit of the first text on the page."""
    shown = page.locator(f".textview >> nth=0 >> .unit[data-n='{n}']").evaluate("it => it.style.backgroundColor")
    return tuple(int(it) for it in shown.removeprefix("rgb(").removesuffix(")").split(","))


def number(text: str) -> float:
    """A number as the page writes it."""
    return float(text.replace("\u2212", "-"))


def near(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    """Whether two colours are the same or neighbours on a scale: packed numbers are rounded."""
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= 12


def test_written_text_has_the_numbers_of_write(client: Any, run: Run):
    asked = dict(name="f", prompt="def ", length=30, temperature=0.9, seed=5, layer=1, unit=2)
    lines = [json.loads(line) for line in client.get("/api/write", params=asked).text.splitlines()]
    made = list(write(run.model, run.tokenizer, "def ", length=30, sampling=Sampling(0.9), seed=5, names=("f",)))
    assert [it["value"] for it in lines] == pytest.approx([float(it.values[1, 0]["f"][2]) for it in made], abs=1e-4)
    assert [it["nats"] for it in lines] == pytest.approx([-it.log_p for it in made], abs=1e-3)
    for line, own in zip(lines, made, strict=True):
        assert [p for _, p in line["guesses"]] == pytest.approx([p for _, p in own.guesses], abs=1e-3)
        assert [piece for piece, _ in line["guesses"]] == [run.tokenizer.decode([unit]) for unit, _ in own.guesses]


def test_training_is_the_runs_record(client: Any, run: Run):
    said = client.get("/api/training").json()
    rows = [json.loads(line) for line in (run.folder / "metrics.jsonl").read_text().splitlines()]
    named = ("step", "nats", "gradient_norm", "clipped_share", "learning_rate")
    expected = [[row[name] for name in named] for row in rows if row["event"] == "train"]
    np.testing.assert_allclose(said["train"], expected, atol=1e-6)
    expected = [[row["step"], row["nats"]] for row in rows if row["event"] == "validation"]
    np.testing.assert_allclose(said["validation"], expected, atol=1e-4)
    assert len(said["train"]) > 2
    assert len(said["validation"]) > 1
    assert said["samples"] == [[row["step"], row["text"]] for row in rows if row["event"] == "sample"]


def test_surprise_is_packed_with_its_size(client: Any, run: Run, text: str):
    expected = -read(run.model, run.tokenizer, text).log_p
    surprise = unpacked(client.get("/api/text").json()["surprise"])
    np.testing.assert_allclose(surprise, expected.clip(0, SURPRISE), atol=SURPRISE / 250)
    assert np.ptp(expected) > 0.5


def test_a_window_is_the_trace(client: Any, run: Run, text: str):
    trace = read(run.model, run.tokenizer, text).trace
    packed = client.get("/api/window?name=c&layer=1&start=7&stop=70").json()
    np.testing.assert_allclose(unpacked(packed), trace[1, 0]["c"][7:70], atol=packed["scale"] / 127)


def test_the_change_by_an_intervention_has_its_sign_and_size(client: Any, run: Run, text: str):
    edits = format_interventions([ablate(1, "c", 4)])
    made = effect(run.model, run.tokenizer, text, ablate(1, "c", 4), controls=1)
    expected = made.log_p_before - made.log_p_after  # nats that the edit adds to the surprise
    said = client.get("/api/changed", params={"edits": edits}).json()
    assert said["change"] == pytest.approx(expected, abs=1e-3)
    assert said["mean"] == pytest.approx(expected.mean(), abs=1e-3)
    assert min(said["change"]) < 0 < max(said["change"])
    forced = [{"layer": 1, "name": "h", "unit": unit, "low": 99, "high": 99} for unit in range(3)]
    far = client.get("/api/changed", params={"edits": json.dumps(forced)}).json()
    assert max(far["change"]) > far["scale"] == 3.0  # the tint ends there, the number does not


def test_read_is_tinted_by_surprise(address: str, visit: Start, run: Run, text: str):
    page = visit(address).open("read")
    surprise = -read(run.model, run.tokenizer, text).log_p
    page.locator(".unit[style]").first.wait_for()
    for n in (1, int(surprise[:40].argmin()), int(surprise[:40].argmax())):
        assert near(tint_of(page, n), colour("sequential", surprise[n] / SURPRISE)), n
    assert not near(colour("sequential", surprise[:40].min() / SURPRISE), colour("sequential", 0.9))


def test_cells_is_tinted_by_the_unit_and_mapped_unit_by_unit(address: str, visit: Start, run: Run, text: str):
    trace = read(run.model, run.tokenizer, text).trace
    ranges = {at: np.minimum(trace[at[0], 0][at[1]][:40].max(0), -trace[at[0], 0][at[1]][:40].min(0)) for at in PLACES}
    layer, name = max(ranges, key=lambda at: ranges[at].max())
    values, one = np.asarray(trace[layer, 0][name]), int(ranges[layer, name].argmax())
    assert ranges[layer, name][one] > 0  # a unit that is above zero and below, early in the text
    page = visit(address).open("cells", layer=layer, unit=one, name=name)
    top = np.abs(values[:, one]).max()
    page.locator(".unit[style]").first.wait_for()
    for n in (int(values[:40, one].argmax()), int(values[:40, one].argmin())):
        assert near(tint_of(page, n), colour("diverging", values[n, one] / top)), n
    window = values[:120]
    sizes = np.sort(np.abs(window).ravel())
    scale = sizes[int(0.99 * (len(sizes) - 1))]
    drawn, places = pixels(page.locator(".heat")), [int(it) for it in row_names(page.locator(".heat"))]
    assert sorted(places) == list(range(12))  # by the step of their peak
    asked = f"api/window?text=0&run=0&layer={layer}&direction=0&name={name}&start=0&stop=120"
    peaks = np.abs(unpacked(page.request.get(address + asked).json())).argmax(0)
    assert (np.diff(peaks[places]) >= 0).all()
    for unit, step in [(0, 3), (4, 77), (11, 119), np.unravel_index(window.T.argmax(), (12, 120))]:
        assert near(tuple(drawn[places.index(unit), step].tolist()), colour("diverging", window[step, unit] / scale)), (
            unit
        )


def test_cut_is_red_where_it_hurts(address: str, visit: Start, run: Run, text: str):
    made = effect(run.model, run.tokenizer, text, set_to(1, "h", 4, 5.0), controls=1)
    change = made.log_p_before - made.log_p_after
    places = [int(change[:40].argmax()), int(change[:40].argmin())]
    assert not near(colour("diverging", change[places[0]] / 3), colour("diverging", -change[places[0]] / 3))
    page = visit(address).open("cut", layer=1, unit=4, name="h")
    page.select_option("select >> nth=2", "set_to")
    page.fill("input[type=number] >> nth=1", "5")
    page.click("text=Show what it does")
    page.locator("figcaption", has_text="held at 5").wait_for()
    page.locator(".unit[style]").first.wait_for()
    for n in places:
        assert near(tint_of(page, n), colour("diverging", change[n] / 3)), n
        page.click(f".unit[data-n='{n}']")
        page.locator(".told", has_text=f"{change[n]:+.2f} nats".replace("-", "\u2212")).first.wait_for()


def test_cells_never_shows_another_units_number(address: str, visit: Start, run: Run, text: str):
    page = visit(address).open("cells", layer=1, unit=4, name="c", at=20)
    value = read(run.model, run.tokenizer, text).trace[1, 0]["c"][20, 5]
    late: list[Any] = []

    def hold(route: Any) -> None:
        late.append(route)

    page.route(lambda url: "/api/strip" in url and "unit=3" in url, hold)
    unit = page.locator("input[type=number] >> nth=0")
    unit.fill("3")
    unit.press("Enter")
    unit.fill("5")
    unit.press("Enter")
    page.locator(".told", has_text="unit 1/5 c").wait_for()
    with page.expect_response(lambda answer: "unit=3" in answer.url):
        late[0].continue_()
    page.evaluate("() => new Promise((done) => setTimeout(done, 100))")
    shown = page.locator(".told", has_text="unit 1/").inner_text()
    assert shown.startswith("unit 1/5 c")
    assert number(shown.partition(": ")[2]) == pytest.approx(value, abs=0.02)


def test_the_number_at_the_cursor_is_the_one_it_names(address: str, visit: Start, run: Run, text: str):
    page = visit(address).open("cells", layer=1, unit=4, name="c", at=20)
    value = read(run.model, run.tokenizer, text).trace[1, 0]["c"][21, 4]
    late: list[Any] = []

    def hold(route: Any) -> None:
        late.append(route)

    page.route(lambda url: "/api/strip" in url and "unit=3" in url, hold)
    unit = page.locator("input[type=number] >> nth=0")
    unit.fill("3")
    unit.press("Enter")  # it is not answered yet
    page.focus(".textview")
    page.keyboard.press("ArrowRight")
    shown = page.locator(".told", has_text="unit 1/").inner_text()
    assert shown.startswith("unit 1/4 c")
    assert number(shown.partition(": ")[2]) == pytest.approx(value, abs=0.02)
    late[0].continue_()
    page.locator(".told", has_text="unit 1/3 c").wait_for()


def test_a_step_that_is_picked_in_the_map_says_its_value(address: str, visit: Start, run: Run, text: str):
    values = np.asarray(read(run.model, run.tokenizer, text).trace[1, 0]["o"])[:, 4]
    to = int(np.abs(values[:120] - values[20]).argmax())
    page = visit(address).open("cells", layer=1, unit=4, name="o", at=20)
    box, row = page.locator(".heat image").bounding_box(), row_names(page.locator(".heat")).index("4")
    at = {"x": (to + 0.5) / 120 * box["width"], "y": (row + 0.5) / 12 * box["height"]}
    page.click(".heat image", position=at)
    assert f"at={to}" in page.url
    shown = page.locator(".told", has_text="unit 1/4 o").inner_text()
    step = float(np.abs(values).max()) / 127
    assert abs(values[to] - values[20]) > 3 * step
    assert number(shown.partition(": ")[2]) == pytest.approx(values[to], abs=step)


def test_gates_works_for_cells_without_gates(address: str, visit: Start):
    there = visit(address)
    none = {"squashed": [], "unsquashed": "nothing is squashed", "memory": [], "why": "nothing is kept"}
    there.page.route("**/api/gates*", lambda route: route.fulfill(json=none))
    page = there.open("gates")
    assert "nothing is squashed" in page.inner_text("main")
    assert "nothing is kept" in page.inner_text("main")
    assert page.locator(".chart").count() == 1  # the strips


def scrolled_to_rest(page: Any) -> float:
    """Wait until the text has not scrolled for 300 ms, and return where it is."""
    return page.locator(".textview").evaluate(
        """async (it) => {
          for (let at = null; at !== it.scrollTop; ) {
            at = it.scrollTop;
            await new Promise((done) => setTimeout(done, 300));
          }
          return it.scrollTop;
        }"""
    )


def test_a_swipe_scrolls_and_a_tap_chooses(address: str, visit: Start):
    page = visit(address, viewport={"width": 390, "height": 300}, has_touch=True, is_mobile=True).open("match")
    page.locator(".unit.cursor").wait_for()
    page.locator(".textview").evaluate("it => it.scrollIntoView({ block: 'center' })")
    box = page.locator(".textview").bounding_box()
    chosen = page.locator(".unit.cursor").get_attribute("data-n")
    x, y = box["x"] + 60, box["y"] + box["height"] - 30
    devtools = page.context.new_cdp_session(page)

    def touch(kind: str, y: float = 0) -> None:
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", y)
    for n in range(1, 9):
        touch("touchMove", y - 20 * n)
    touch("touchEnd")
    assert page.locator(".textview").evaluate("it => it.scrollTop") > 50
    scrolled_to_rest(page)  # a tap on what still scrolls only stops it
    assert page.locator(f".unit.cursor:not([data-n='{chosen}'])").count() == 0
    page.touchscreen.tap(x, box["y"] + 60)
    page.locator(f".unit.cursor:not([data-n='{chosen}'])").wait_for()
    chosen = page.locator(".unit.cursor").get_attribute("data-n")
    # Held where it is, a finger begins to mark.
    at = page.locator(f".unit[data-n='{chosen}']").bounding_box()
    x, y = at["x"] + 2, at["y"] + at["height"] / 2
    touch("touchStart", y)
    page.locator(f".unit.marked[data-n='{chosen}']").wait_for()
    before = scrolled_to_rest(page)
    touch("touchMove", y + 1.5 * at["height"])
    touch("touchEnd")
    page.locator(".unit.marked >> nth=1").wait_for()
    # A finger that moves down would scroll back; the end of what is marked may come into view, which scrolls on.
    assert scrolled_to_rest(page) >= before > 30


def test_light_and_dark_change_colours_and_nothing_else(address: str, visit: Start):
    page = visit(address, color_scheme="light").open("write")
    page.fill("main textarea", "def ")
    page.fill("main input >> nth=0", "60")
    page.click(".go")
    page.locator("main .told", has_text="verbatim").wait_for()
    before, light = "".join(page.locator(".unit").all_inner_texts()), tint_of(page, 6)
    page.click("#tools [title='Light or dark']")
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert "".join(page.locator(".unit").all_inner_texts()) == before
    assert tint_of(page, 6) != light
    page.click("#tab-cells")
    page.wait_for_selector("main[data-ready=cells]")
    dark = pixels(page.locator(".heat"))
    page.emulate_media(color_scheme="dark")  # what was chosen on the page stays
    page.click("#tools [title='Light or dark']")
    assert (pixels(page.locator(".heat")) != dark).any()


def test_a_text_that_is_gone_gives_way_to_the_first(address: str, visit: Start, text: str):
    there = visit(address)
    page = there.open("read", text=9, at=7)
    assert "no text 9" in page.inner_text("#message")
    assert f"{len(text)} characters" in page.inner_text(".lead")
    assert "text=9" not in page.url
    assert [it for it in there.faults if "400" not in it] == []
    there.faults.clear()  # the browser itself notes every answer of 400
    page.click("#tab-cells")
    page.wait_for_selector("main[data-ready=cells]")
    assert page.inner_text("#message") == ""


def test_points_are_reached_by_the_keyboard(address: str, visit: Start, session: TextSession):
    page = visit(address).open("gates", layer=1, unit=3, at=20)
    plot = page.locator(".points svg").first
    plot.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")  # to the unit that is chosen, and two on
    page.locator(".told", has_text="unit 5: ").wait_for()
    page.keyboard.press("Enter")
    page.locator(".told", has_text="unit 1/5: ").wait_for()
    page.keyboard.press("ArrowLeft")  # the plot still has the focus
    page.locator(".told", has_text="unit 4: ").wait_for()
    assert plot.locator(".chosen").count() == 1


def test_a_report_shows_its_errors_in_place(session: TextSession, visit: Start, tmp_path: Path):
    path = tmp_path / "report.html"
    whole = report(session)
    head, mark, rest = whole.partition('<script type="application/json" id="answers">')
    data, end, script = rest.partition("</script>")
    failing = ("window?", "gates?", "flow?", "predictions?", "stretches?", "mistakes?", "guesses?")
    answers = {
        k: {"error": "it has too few steps"} if k.startswith(failing) else v for k, v in json.loads(data).items()
    }
    path.write_text(head + mark + json.dumps(answers).replace("<", "\\u003c") + end + script, encoding="utf-8")
    for screen, still in (
        ("read", ".unit[style]"),
        ("cells", ".unit[style]"),
        ("gates", ".chart"),
        ("memory", "text=From each step"),
        ("why", ".unit"),
        ("match", ".unit"),
        ("errors", "text=How a word becomes predictable"),
    ):
        page = visit(path.as_uri(), offline=True).open(screen)
        page.locator("main", has_text="it has too few steps").wait_for(timeout=5000)
        page.locator(still).first.wait_for()
