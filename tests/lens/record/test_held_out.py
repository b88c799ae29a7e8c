"""Passages of held-out text begin where a line does."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.lens.hostile_run import small_run

from tidegate.lens.record.held_out import held_out_text, passage


@pytest.mark.parametrize("tokenizer", ["characters", "bytes", "words"])
def test_a_passage_begins_with_the_first_line_of_its_part(tmp_path: Path, tokenizer: str):
    torch.set_num_threads(1)
    lines = "".join(f"line {n} of the text\n" for n in range(100, 400))
    run = small_run(tmp_path / "run", lines, prepared={"tokenizer": tokenizer, "min_count": 1}, hidden_size=4)
    whole = run.tokenizer.decode(run.open_data().test)
    after = whole[whole.index("\n") + 1 :]
    found = passage(run, 30)
    assert found.part == "test"
    assert found.text == run.tokenizer.decode(run.tokenizer.encode(after)[:30])
    assert found.text.startswith("line ")
    assert passage(run, 10**6).text == after
    assert held_out_text(run, 10**6) == whole


def test_a_text_without_lines_is_read_from_its_beginning(tmp_path: Path):
    run = small_run(tmp_path / "run", "abc " * 2000, hidden_size=4)
    assert passage(run, 50).text == held_out_text(run, 50)
