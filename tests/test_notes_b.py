"""Steps 09 to 16 of "The notes, run": the files show what they claim, the pages of both languages quote them."""

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent
FILES, PAGES = ROOT / "examples" / "notes", ROOT / "docs" / "notes"

# What each step prints besides its assertions: a pattern for every line that its pages speak of.
STEPS = {
    "09_lstm_by_gates": [r"torch\.nn\.LSTM: \de-1\d", r"c_forget_gate +24 units, 2,376 weights: 0\.\d+"],
    "10_peephole": [r"lstm: c of 2 .* by 0\.000", r"peephole_lstm: c of 2 .* by 0\.[1-9]", r"4 units, peephole_lstm: "],
    "11_gru_weighted_mean": [
        r"add up to (1\.000000000000|0\.999999999999) \.\. 1\.00000000000",
        r"with r = 1 (0e\+00|\de-17)",
    ],
    "12_eight_into_two": [r"two products a step \d+\.\dx", r"lstm 64 -> 128 hidden units, 50 steps x 16 sequences"],
    "13_cost": [r"rnn_tanh +8,256 ", r"lstm +33,024 ", r"gru +24,832 ", r"training: rnn_tanh 1\.0x, lstm \d"],
    "14_residual": [r"held open and a residual network: .* \de-1\d", r"forget bias 0 +49 steps back: +\d\.\de-\d\d"],
    "15_lengths": [r"last state, forward: off by \d\d%", r"tidegate, packed: .* 0e\+00", r"tidegate, lengths= +1\.00"],
    "16_lm_and_tagger": [
        r"entropy of the language: 1\.555",
        r"both directions: loss 0\.0",
        r"refused: A bidirectional",
    ],
}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


LONGER = ("09", "10", "16")  # several seconds each


@pytest.mark.parametrize("name", [pytest.param(n, marks=[pytest.mark.slow] if n[:2] in LONGER else []) for n in STEPS])
def test_a_step_shows_what_it_claims(name: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(FILES / f"{name}.py"), "--quick", "--out", str(tmp_path)]
    # One thread: some steps measure, and their claims do not hang on how many processors there are.
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, encoding="utf-8", timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    for pattern in STEPS[name]:
        assert re.search(pattern, done.stdout), (pattern, done.stdout)
    picture = tmp_path / f"{name}.svg"
    assert ElementTree.parse(picture).getroot().tag == "{http://www.w3.org/2000/svg}svg"
    assert "<dc:date>" not in picture.read_text("utf-8")


@pytest.mark.parametrize("name", STEPS)
def test_both_pages_quote_the_file(name: str) -> None:
    source = (FILES / f"{name}.py").read_text("utf-8")
    english, korean = ((PAGES / language / f"{name}.md").read_text("utf-8") for language in ("en", "ko"))
    for page in (english, korean):
        code = blocks(page, "python")
        assert code
        for block in code:
            assert f"\n{block}" in source  # whole lines of the file, as they stand there
        assert f"](../pictures/{name}.svg)" in page
        assert f"python examples/notes/{name}.py\n" in page
    assert 0 < (PAGES / "pictures" / f"{name}.svg").stat().st_size < 60_000


@pytest.mark.parametrize("name", STEPS)
def test_the_korean_page_is_the_english_ones_twin(name: str) -> None:
    english, korean = ((PAGES / language / f"{name}.md").read_text("utf-8") for language in ("en", "ko"))
    for language in ("python", "text"):
        assert blocks(english, language) == blocks(korean, language)
    shape = [re.findall(r"^(#+) ", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.M) for page in (english, korean)]
    assert shape[0] == shape[1]
    assert shape[0][0] == "#"
    assert english.count("$$") == korean.count("$$")
    assert f"](../ko/{name}.md)" in english
    assert f"](../en/{name}.md)" in korean
    assert len(re.findall("[가-힣]", korean)) > 500
    assert not re.findall("[가-힣]", english.replace("한국어", ""))
