"""Networks that hold no layer of torch.nn's are refused by what they are, and told beside one that is read."""

from pathlib import Path

import pytest
import torch
from torch import nn

from tidegate.convert import read
from tidegate.errors import DataError

FOREIGN = {
    "blocks.0.att.time_mix_k": "an RWKV",
    "rwkv.blocks.0.attention.time_decay": "an RWKV",
    "blocks.0.att.time_maa_x": "an RWKV",
    "backbone.layers.0.mixer.A_log": "a Mamba",
    "layers.0.kernel.log_A_real": "an S4",
    "layers.0.nu_log": "an LRU",
    "model.layers.0.temporal_block.rg_lru.recurrent_param": "a Griffin",
    "xlstm_block_stack.blocks.1.xlstm.slstm_cell._recurrent_kernel_": "an xLSTM",
    "blocks.0.xlstm.mlstm_cell.igate.weight": "an xLSTM",
    "rnn_lst.0.weight_c": "an SRU",
    "layers.0.2.to_hidden_and_gate.weight": "a minGRU",
    "encoder.qrnn.layers.0.linear.weight": "a QRNN",
    "cell_list.0.conv.weight": "a ConvLSTM",
    "params.lstm.cell.hi.kernel": "a cell of Flax",
    "cell.lin_hh.weight": "a cell of its author's own",
    "i2h.weight": "a cell of its author's own",
    "U_f.weight": "a cell of its author's own",
    "layers.0.self_attn.in_proj_weight": "a Transformer's attention",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_network_is_refused_by_its_name(name: str, tmp_path: Path) -> None:
    torch.save({"head.weight": torch.ones(2, 2), name: torch.ones(3, 3)}, tmp_path / "model.pt")
    with pytest.raises(DataError) as error:
        read(tmp_path / "model.pt")
    assert f"{name} belongs to {FOREIGN[name]}" in str(error.value)
    assert (
        ": run it with" in str(error.value)
        or ": write its equations" in str(error.value)
        or "save it" in str(error.value)
    )


def test_beside_a_layer_that_is_read_it_is_a_note(tmp_path: Path) -> None:
    tensors = {f"rnn.{name}": value for name, value in nn.GRU(3, 4).state_dict().items()}
    torch.save({**tensors, "mixer.A_log": torch.ones(3)}, tmp_path / "model.pt")
    found = read(tmp_path / "model.pt")
    assert [*found.layers] == ["rnn"]
    assert found.notes[0].startswith("left out: mixer.A_log belongs to a Mamba")


@pytest.mark.parametrize("name", ["decoder.attn.weight", "U.weight", "gate.weight", "embedding.weight"])
def test_other_names_say_nothing_of_it(name: str, tmp_path: Path) -> None:
    torch.save({**nn.GRU(3, 4).state_dict(), name: torch.ones(3)}, tmp_path / "model.pt")
    assert read(tmp_path / "model.pt").notes == ()
