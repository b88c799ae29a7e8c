"""The first half of "The notes, run": each file runs and shows what it claims, and its two pages quote it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES, PAGES = ROOT / "examples" / "notes", ROOT / "docs" / "notes"
SLOW = ("03_hello", "04_feeding", "08_clipping")  # to train
SAMPLE, LARGEST = 1024, 60 * 1024
# By step: a pattern of what the quick run prints, and what each of its groups must be at least and at most.
PRINTS: dict[str, tuple[str, list[tuple[float, float]]]] = {
    "01_rnn": (r"tidegate (\S+), torch (\S+)", [(0, 1e-12)] * 2),
    "02_shapes": (r"in step .* sees \[(\d), (\d), (\d), (\d), (\d)\]", [(k, k) for k in range(1, 6)]),
    "03_hello": (r"-> (\S+) nats.*below (\S+)\ntrained it writes 'hello'", [(0, 0.1), (0.346, 0.348)]),
    "04_feeding": (r"fed itself (\S+)% in the first three numbers, (\S+)% in the last", [(0, 60), (30, 100)]),
    "05_truncated_bptt": (r"k2=4 (\S+), .*k2=32 (\S+)\n", [(0.05, 2), (0, 1e-10)]),
    "06_quote_cell": (r"AUC (\S+) \(untrained at best (\S+), shuffled (\S+);", [(0.85, 1), (0.4, 0.7), (0.4, 0.7)]),
    "07_vanish_explode": (r"by hand (\S+), by machine (\S+), by differences", [(531441, 531441)] * 2),
    "08_clipping": (r"-> no number\nwith clipping at 1.0: loss \S+ -> (\S+) after", [(0, 0.5)]),
}


def page(language: str, step: str) -> str:
    return (PAGES / language / f"{step}.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("step", [pytest.param(it, marks=pytest.mark.slow) if it in SLOW else it for it in PRINTS])
def test_a_step_runs_and_shows_what_it_claims(step: str, tmp_path: Path) -> None:
    path = os.pathsep.join(filter(None, [str(ROOT / "src"), os.environ.get("PYTHONPATH")]))
    ran = subprocess.run(
        [sys.executable, "-W", "error", FILES / f"{step}.py", "--quick", "--out", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert ran.returncode == 0, ran.stderr
    pattern, bounds = PRINTS[step]
    found = re.search(pattern, ran.stdout)
    assert found, ran.stdout
    for number, (least, most) in zip(found.groups(), bounds, strict=True):
        assert least <= float(number) <= most, found[0]
    (picture,) = tmp_path.iterdir()
    assert picture.name == Path(re.findall(r"\.\./pictures/(\S+)\)", page("en", step))[0]).name
    assert picture.stat().st_size > SAMPLE


@pytest.mark.parametrize("step", PRINTS)
def test_both_pages_quote_the_file_and_one_another(step: str) -> None:
    source = (FILES / f"{step}.py").read_text(encoding="utf-8")
    assert 40 <= source.count("\n") <= 120
    english, korean = page("en", step), page("ko", step)
    assert blocks(english, "python")
    assert all(block in source for block in blocks(english, "python"))
    assert f"python examples/notes/{step}.py\n" in blocks(english, "text")
    for what in (r"```\w*\n.*?```", r"\.\./pictures/\S+\)", r"\$\$.*?\$\$"):
        assert re.findall(what, english, re.DOTALL) == re.findall(what, korean, re.DOTALL)
    headings = [
        re.findall(r"^#+(?= )", re.sub(r"```.*?```", "", it, flags=re.DOTALL), re.M) for it in (english, korean)
    ]
    assert headings[0] == headings[1]
    assert f"(../ko/{step}.md)" in english
    assert f"(../en/{step}.md)" in korean
    assert len(re.findall(r"[가-힣]", korean)) > 300


@pytest.mark.parametrize("step", PRINTS)
def test_the_picture_is_there_and_small(step: str) -> None:
    (name,) = re.findall(r"\.\./pictures/(\S+)\)", page("en", step))
    picture = (PAGES / "pictures" / name).read_bytes()
    assert SAMPLE < len(picture) < LARGEST
    assert b"<dc:date>" not in picture


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_index_names_every_step_by_its_title(language: str) -> None:
    links = dict(re.findall(r"^\| \[(.*?)\]\((\S+?)\.md\)", page(language, "index"), re.MULTILINE))
    titles = {
        path.stem: path.read_text(encoding="utf-8").partition("\n")[0] for path in (PAGES / language).glob("[0-9]*")
    }
    assert set(PRINTS) <= set(titles) <= set(links.values())
    named = {step: f"# {title}" for title, step in links.items()}
    assert {step: named[step] for step in titles} == titles
