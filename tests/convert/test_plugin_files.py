"""What is written for audio plug-ins is read back: the same outputs from the first sample on."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from tidegate import export
from tidegate.convert import read
from tidegate.errors import DataError


@pytest.mark.parametrize(
    ("layers", "file"), [(nn.LSTM(1, 9, 2), "a.nam"), (nn.GRU(1, 9), "a.json"), (nn.LSTM(1, 9), "a.json")]
)
def test_files_are_read_back(layers: nn.Module, file: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    head = nn.Linear(9, 1)
    if file.endswith("nam"):
        export.nam([layers, head], tmp_path / file, sample_rate=48_000)
    else:
        export.rtneural([layers, head], tmp_path / file, sample_rate=48_000, aida_x=False)
    found, x = read(tmp_path / file), torch.randn(20, 1, 1)
    y = x
    with torch.no_grad():
        for name, layer in found.layers.items():
            states = [found.others[f"{name}.{it}"][None, None] for it in "hc" if f"{name}.{it}" in found.others]
            y = layer.module(y, (states[0] if len(states) == 1 else tuple(states)) if states else None)[0]
        y = nn.functional.linear(y, found.others["head.weight"], found.others["head.bias"])
        silence = torch.zeros(48_000 if file.endswith("nam") else 0, 1, 1)
        expected = head(layers(torch.cat([silence, x]))[0])[-20:]
    torch.testing.assert_close(y, expected, rtol=1e-4, atol=1e-5)


def test_what_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(DataError, match="of no plug-in that is known: it has a"):
        read(tmp_path / "a.json")
    for ending, words in ((".onnx", "is not a whole file of ONNX"), (".pkl", "can run code")):
        (tmp_path / f"a{ending}").write_bytes(b"\x08\x0a:\x01")
        with pytest.raises(DataError, match=words):
            read(tmp_path / f"a{ending}")
