"""The documentation's site: pages made from cells, the reference, links; and (slow) the whole site built."""

import json
import random
import re
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import griffe
import lxml.html
import markdown
import pytest
from sklearn.isotonic import isotonic_regression
from tools.docs import links, reference
from tools.docs.build import ROOT, SiteError, build, filled, generated_pages
from tools.docs.cell_page import cell_page, cost_terms, mathml, unsupported
from tools.docs.command_pages import command_pages
from tools.docs.diagram import diagram
from tools.docs.equations import with_mathml
from tools.docs.gallery import gallery_page
from tools.docs.layers import GAP, place
from tools.docs.papers import PAPERS, with_links
from tools.docs.search_titles import tell_titles_apart
from tools.docs.step_graph import step_graph

from tidegate.cells import CELLS, Step, cell, minimum, sigmoid, softplus, tanh
from tidegate.engine import BACKENDS, Backend, Call, Result, cost
from tidegate.train.registry import BUILT_IN


@pytest.fixture(scope="module")
def library() -> griffe.Module:
    return reference.load(ROOT / "src")


@cell(gates="a b", states="h s", parameters="v w=1", masks="m")
def odd(x: Any, r: Any, s: Any, p: Any, m: Any) -> Step:
    """A cell < that uses | what *others* do not."""
    a = sigmoid(x.a + r.a + p.w) - tanh(s.s)
    b = minimum(x.b, 3) / softplus(0.5 * r("b", a) + p.v * s.h)
    return Step(h=a + m.m * b - 1, s=s.h, gates=dict(a=a, b=b))


ALL = [*CELLS.values(), odd]


@pytest.mark.parametrize("it", ALL, ids=lambda it: it.name)
def test_a_cells_page_has_its_equations_its_drawing_and_its_costs(it: Any) -> None:
    page = cell_page(it)
    assert page.startswith(f"# {it.name}\n")
    assert it.text() in page.replace("\n    ", "\n")
    assert it.latex() in page.replace("\n    ", "\n")
    equations = ElementTree.fromstring(mathml(it))
    assert len(equations.findall("mtable/mtr")) == len(it.equations("latex"))
    assert "&amp;" not in mathml(it), "an entity was escaped twice"
    drawing = ElementTree.fromstring(re.search(r"<svg.*?</svg>", page, re.DOTALL)[0])  # type: ignore[index]
    groups = [group.get("class") for group in drawing.iter("g")]
    assert groups.count("output") == len(it.states)
    assert "\n\n" not in diagram(it), "Markdown would end the drawing at a blank line"
    for name in (*it.gates, *it.states, *it.parameters, *it.masks):
        assert f"`{name}`" in page
    assert f"{cost(it, 256, 256).parameters:,}" in page


@pytest.mark.parametrize("it", ALL, ids=lambda it: it.name)
def test_a_drawing_has_the_products_the_cell_has(it: Any) -> None:
    graph = step_graph(it)
    labels = [node.label for node in graph.nodes]
    assert sorted(x for x in labels if x.startswith("W_")) == sorted(f"W_{gate}" for gate in it.input_gates)
    assert sorted(x for x in labels if x.startswith("U_")) == sorted(f"U_{gate}" for gate in it.recurrent_gates)
    biases = set(re.findall(r"b'?_\w+", " ".join(labels)))
    assert biases >= {f"b'_{gate}" for gate in it.own_bias_gates}
    assert not it.bias or biases >= {f"b_{gate}" for gate in it.input_gates}
    shown = {node.caption for node in graph.nodes} | {node.label for node in graph.nodes if node.kind == "output"}
    assert shown >= {f"{name}_t" for name in it.recorded}


def test_the_drawing_of_the_lstm_is_its_equations() -> None:
    graph = step_graph(CELLS["lstm"])

    def name(k: int) -> str:
        node = graph.nodes[k]
        return node.caption or node.label

    arrows = {(name(a), name(b)) for a, b in graph.edges}
    for gate in "ifgo":
        assert {("x_t", f"W_{gate}"), ("h_{t-1}", f"U_{gate}")} <= arrows
        assert {(f"W_{gate}", f"+ b_{gate}"), (f"U_{gate}", f"+ b_{gate}"), (f"+ b_{gate}", f"{gate}_t")} <= arrows
    rest = {arrow for arrow in arrows if not re.search(r"[WU]_|\+ b_", "".join(arrow))}
    joined = {("f_t", "⊙"), ("c_{t-1}", "⊙"), ("i_t", "⊙"), ("g_t", "⊙"), ("o_t", "⊙"), ("⊙", "+"), ("tanh", "⊙")}
    assert rest == joined | {("+", "tanh"), ("+", "c_t"), ("⊙", "h_t")}
    assert len(graph.nodes) == 3 + 8 + 4 + 4 + 2 + 1 + 1 + 1 + 2


def test_differences_quotients_numbers_masks_and_vectors_are_drawn() -> None:
    labels = [node.label for node in step_graph(odd).nodes]
    for label in ("−", "1/·", "min(·, 3)", "0.5 ·", "softplus", "m_t", "v ⊙", "+ b_a + w", "· − 1", "+ b_b"):
        assert label in labels, label
    assert "s_{t-1}" in labels


def test_an_inverse_is_drawn_once_for_each_value() -> None:
    @cell(gates="a b c", states="h")
    def quotients(x: Any) -> Step:
        below = softplus(x.c)
        return Step(h=x.a / below + x.b / below + x.a / softplus(x.b))

    assert [node.label for node in step_graph(quotients).nodes].count("1/·") == 2


@pytest.mark.parametrize("seed", range(5))
def test_nothing_overlaps_and_arrows_lead_to_the_right(seed: int) -> None:
    rng = random.Random(seed)
    heights = [rng.choice([30.0, 48.0]) for _ in range(33)]
    edges = [(rng.randrange(k), k) for k in range(1, 33) for _ in range(2)]
    placed = place(heights, edges, late=[1, 7, 32])
    size = {k: 8.0 if item.node is None else heights[item.node] for k, item in enumerate(placed.items)}
    assert all(placed.items[b].column == placed.items[a].column + 1 for a, b in placed.segments)
    columns: dict[int, list[int]] = {}
    for k, item in enumerate(placed.items):
        columns.setdefault(item.column, []).append(k)
        assert item.y - size[k] / 2 >= -1e-9
    for items in columns.values():
        items.sort(key=lambda k: placed.items[k].y)
        for above, below in pairwise(items):
            room = placed.items[below].y - placed.items[above].y - (size[above] + size[below]) / 2
            assert room >= GAP - 1e-9
    for start, end in edges:  # every arrow is there, bend by bend
        reached, column = {start}, placed.items[start].column
        while column < placed.items[end].column:
            reached, column = {b for a, b in placed.segments if a in reached}, column + 1
        assert end in reached


def test_heights_are_the_nearest_that_keep_order_and_gap() -> None:
    from tools.docs.layers import _apart

    wanted, size = [5.0, 3.0, 80.0, 70.0, 71.0, 200.0, 10.0], [30.0, 8.0, 30.0, 48.0, 8.0, 30.0, 30.0]
    offset = [0.0]
    for above, below in pairwise(size):
        offset.append(offset[-1] + (above + below) / 2 + GAP)
    flat = isotonic_regression([want - off for want, off in zip(wanted, offset, strict=True)])
    assert _apart(wanted, size) == pytest.approx([float(base) + off for base, off in zip(flat, offset, strict=True)])


@pytest.mark.parametrize("it", ALL, ids=lambda it: it.name)
def test_formulas_of_costs_are_what_the_engine_counts(it: Any) -> None:
    inputs, units = 7, 33
    size = {"HI": units * inputs, "HH": units * units, "H": units}
    price = cost(it, inputs, units)
    for name, terms in cost_terms(it).items():
        assert sum(n * size[what] for what, n in terms.items()) == getattr(price, name), name


class Picky(Backend):
    """A backend that runs no cell with more than one state."""

    name = "picky"

    def unsupported(self, call: Call) -> list[str]:
        return [f"{len(call.state)} states | one_is_enough"] if len(call.state) > 1 else []

    def run(self, call: Call) -> Result:
        raise AssertionError("only asked, never run")


def test_a_page_says_which_backends_do_not_run_a_cell_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.docs.cell_page.BACKENDS", (Picky(), *BACKENDS))
    assert list(unsupported(CELLS["lstm"])) == ["picky", *(backend.name for backend in BACKENDS)]
    assert unsupported(CELLS["gru"])["picky"] == []
    assert "| `picky` | supported |" in cell_page(CELLS["gru"])
    assert "| `picky` | 2 states \\| one\\_is\\_enough |" in cell_page(CELLS["lstm"])
    assert "| `reference` | supported |" in cell_page(CELLS["lstm"])


def test_a_new_cell_has_a_page_and_a_row(monkeypatch: pytest.MonkeyPatch, library: griffe.Module) -> None:
    monkeypatch.setitem(CELLS, "odd", odd)
    pages = generated_pages(library, reference.packages(library))
    assert "cells/odd.md" in pages
    assert "](odd.md)" in pages["cells/index.md"]


SHOWN = '<html><a href="other/">x</a><a href="#here">y</a><p id="here"><a href="https://example.org/">z</a></html>'


def test_a_good_site_has_no_faults_and_each_fault_is_found(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "index.html").write_text(SHOWN)
    other = tmp_path / "other" / "index.html"
    other.write_text('<link rel="canonical" href="https://example.org/other/"><a href="../#here">back</a>')
    assert links.faults(tmp_path) == []
    for html, fault in {
        '<a href="../nowhere/">x</a>': "leads nowhere",
        '<a href="../#there">x</a>': "leads to no anchor",
        '<script src="https://example.org/x.js"></script>': "from elsewhere",
        '<link rel="stylesheet" href="//example.org/x.css">': "from elsewhere",
        '<img src="http://example.org/x.png">': "from elsewhere",
    }.items():
        other.write_text(html)
        assert [line.split(": ")[0] for line in links.faults(tmp_path) if fault in line] == ["other/index.html"], html
    other.write_text("")
    (tmp_path / "style.css").write_text('@import "https://example.org/font.css"; p { background: url(//a.b/c.png) }')
    assert len(links.faults(tmp_path)) == 2
    (tmp_path / "style.css").unlink()
    (tmp_path / "lost.html").write_text("")
    assert links.faults(tmp_path) == ["lost.html: no link leads there"]


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda it: it.stem)
def test_every_equation_of_a_page_can_be_drawn(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    drawn = re.sub(r"(`{3,}).*?\1|`[^`\n]*`|<math.*?</math>", "", with_mathml(text), flags=re.DOTALL)
    assert not re.search(r"\$[^\s$][^$\n]*\$", drawn)
    assert with_mathml(text).count("```") == text.count("```")


def test_equations_are_drawn_and_code_and_prices_are_not() -> None:
    drawn = with_mathml("so $h_t$ is; `$x$` costs $5 or $6\n\n$$c = f * d$$\n\n```\n$a$\n```\n")
    assert "<msub><mi>h</mi><mi>t</mi></msub>" in drawn
    assert 'display="block"' in drawn
    assert "&#42;" in drawn  # Markdown must not see the star
    assert all(kept in drawn for kept in ("`$x$`", "$5 or $6", "```\n$a$\n```"))
    assert drawn.count("<math") == 2
    for wrong in ("$\\nocommand{x}$", "$\\left( x$", "$x^$"):
        with pytest.raises(ValueError, match="cannot be drawn"):
            with_mathml(wrong)


def test_an_equation_at_the_start_of_a_line_stays_in_its_paragraph() -> None:
    page = "$W$ weighs the input,\n$U$ the old state.\n\n* $$c = f$$\n\n$$h = o$$\n"
    shown = lxml.html.fromstring(f"<article>{markdown.markdown(with_mathml(page))}</article>")
    assert [it.text_content() for it in shown.findall("p")] == ["W weighs the input,\nU the old state."]
    assert len(shown.findall(".//div[@class='equation']/math[@display='block']")) == 2


def test_every_command_has_a_page_with_its_options() -> None:
    pages = command_pages()
    assert {f"commands/train_{task}.md" for task in BUILT_IN} < set(pages)
    train = pages["commands/train_lm.md"]
    for name in ("`--hidden-size N`", "`--tokenizer characters|bytes|bpe|words`", "`--eos`, `--no-eos`"):
        assert f"\n{name}\n:   " in train
    assert "```text\ntidegate train lm " in train  # its examples
    assert "](train_lm.md)" in pages["commands/index.md"]
    assert "*Default:* `90/5/5`." in train


def test_papers_are_links_with_their_titles() -> None:
    for it in CELLS.values():
        assert "](http" in with_links(it.paper, titles=True), f"no paper of {it.name} is in tools/docs/papers.py"
    one = with_links("Neil, Pfeiffer & Liu 2016, Phased LSTM (their)", titles=True)
    assert one == (
        "[Neil, Pfeiffer &amp; Liu 2016](https://arxiv.org/abs/1610.09513), *Phased LSTM: Accelerating Recurrent "
        "Network Training for Long or Event-based Sequences* (their)"
    )
    assert with_links("with a_b, Elman 1990; mine", titles=False).endswith(
        ", [Elman 1990](" + PAPERS["Elman 1990"][1] + "); mine"
    )


def test_navigation_takes_the_pages_that_are_there(tmp_path: Path) -> None:
    for name in ("index.md", "notes/b.md", "notes/a.md", "notes/first.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("# x")
    nav: list[Any] = ["index.md", {"Notes": [{"First": "notes/first.md"}, "notes/*.md"]}, {"Empty": ["none/*.md"]}]
    assert filled(nav, tmp_path) == [
        "index.md",
        {"Notes": [{"First": "notes/first.md"}, "notes/a.md", "notes/b.md"]},
    ]
    with pytest.raises(SiteError, match=r"does not name:\n  notes/a.md\n  notes/b.md"):
        filled(["index.md", "notes/first.md"], tmp_path)
    with pytest.raises(SiteError, match=r"not there:\n  gone.md"):
        filled([*nav, "gone.md"], tmp_path)


def test_the_gallery_has_a_card_with_a_picture_for_every_note() -> None:
    page = gallery_page(ROOT / "docs")
    for note in (ROOT / "docs" / "notes" / "en").glob("[0-9]*.md"):
        card = rf"^\[!\[\]\(notes/pictures/{note.stem}\.(svg|png)\) \*\*\d+\. .*\]\(notes/en/{note.name}\)$"
        assert re.search(card, page, re.MULTILINE), note.name


def test_no_two_titles_of_the_search_are_the_same(tmp_path: Path) -> None:
    def entry(location: str, title: str, *path: str) -> dict[str, Any]:
        return {"location": location, "title": title, "path": [*path, title], "text": "x"}

    index = tmp_path / "search.json"
    there = [
        entry("cells/gru/", "gru", "Cells"),
        entry("cells/gru/#equations", "Equations", "Cells", "gru"),
        entry("reference/gru/", "gru", "Reference"),
        entry("cells/lstm/", "lstm <small>cell</small>", "Cells"),
        entry("cells/lstm/#equations", "Equations", "Cells", "lstm"),
        entry("cells/lstm/#only", "Only here", "Cells", "lstm"),
    ]
    index.write_text(json.dumps({"items": there}))
    tell_titles_apart(index)
    titles = [it["title"] for it in json.loads(index.read_text())["items"]]
    cells = ["gru · Cells", "Equations · gru · Cells", "gru · Reference"]
    assert titles == [*cells, "lstm <small>cell</small>", "Equations · lstm", "Only here"]


@pytest.mark.slow
def test_the_site_is_built(tmp_path: Path) -> None:
    built = build(tmp_path / "site", tmp_path / "work")
    assert built.pages > 2 * len(CELLS) - 10
    for name in CELLS:
        assert "<math" in (built.folder / "cells" / name / "index.html").read_text()
    korean = (built.folder / "notes" / "ko" / "02_shapes" / "index.html").read_text(encoding="utf-8")
    assert '<html lang="ko"' in korean
    assert not re.search(">\\s*(On this page|Next|Previous)\\s*<", korean)
    for page in built.folder.rglob("*.html"):
        apart = lxml.html.parse(page).xpath("//article//*[self::article or self::div]/math[not(@display='block')]")
        assert not apart, f"{page}: {apart[0].text_content()} is torn from its sentence"
    assert not list(built.folder.rglob("*.md"))
    titles = [it["title"] for it in json.loads((built.folder / "search.json").read_text(encoding="utf-8"))["items"]]
    assert len(titles) == len(set(titles))
