"""The pool of buffers: memory in use is never handed out again, and the memory held is limited."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.harness import one_thread  # noqa: F401
from torch import Tensor

from tidegate.engine.backends.llvm.launch import buffers
from tidegate.nn import GRU, LSTM

LIKE = torch.zeros(0)


@pytest.fixture(autouse=True)
def own_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "_HELD", type(buffers._HELD)())
    monkeypatch.setattr(buffers, "SMALL", 1)


def test_unreferenced_memory_is_reused() -> None:
    first = buffers.empty((3, 50), LIKE)
    place = first.data_ptr()
    del first
    again = buffers.empty((50, 3), LIKE)
    assert again.data_ptr() == place
    assert again.shape == (50, 3)
    assert again.is_contiguous()
    assert buffers.empty((3, 50), LIKE).data_ptr() != place


def test_memory_is_reused_across_dtypes() -> None:
    place = buffers.zeros(64, LIKE).data_ptr()
    assert buffers.zeros(32, LIKE.double()).data_ptr() == place


HOLDERS: dict[str, Callable[[Tensor], Any]] = {
    "a view": lambda t: t[1:2],
    "a reshaped view": lambda t: t.view(-1)[7:],
    "a detached tensor": lambda t: t.detach(),
    "a numpy array": lambda t: t.numpy(),
    "a slice of a numpy array": lambda t: t.numpy()[1, 2:5],
    "another dtype": lambda t: t.view(torch.int32),
    "the storage": lambda t: t.untyped_storage(),
    "DLPack": torch.from_dlpack,
    "a graph": lambda t: (t * torch.ones(1, requires_grad=True)).grad_fn,
    "shared memory": lambda t: t.share_memory_(),
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_referenced_memory_is_not_reused(holder: str) -> None:
    made = buffers.empty((3, 50), LIKE)
    held = HOLDERS[holder](made)
    place = made.data_ptr()  # not before: sharing puts the numbers elsewhere
    del made
    others = [buffers.empty((3, 50), LIKE) for _ in range(3)]
    assert place not in [other.data_ptr() for other in others]
    del held


def test_shared_or_resized_memory_is_never_reused() -> None:
    made = buffers.empty((3, 50), LIKE).share_memory_()
    place = made.data_ptr()
    del made
    assert buffers.empty((3, 50), LIKE).data_ptr() != place
    made = buffers.empty((5, 50), LIKE)
    made.resize_(7, 50)
    del made
    assert buffers.empty((5, 50), LIKE).untyped_storage().nbytes() == 5 * 50 * 4


def test_held_memory_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "HELD_BYTES", 10_000)
    held = [buffers.empty((n, 100), LIKE) for n in range(1, 9)]
    for _ in range(20):
        held += [buffers.empty((9, 100), LIKE), buffers.empty((3, 100), LIKE)]
        assert sum(size * len(same) for size, same in buffers._HELD.items()) <= 10_000
    for n, value in enumerate(held):
        value.fill_(n)
    assert all(bool((value == n).all()) for n, value in enumerate(held))


def test_held_memory_of_one_size_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffers, "HELD_BYTES", 10_000)
    held = [buffers.empty((10, 100), LIKE) for _ in range(20)]
    assert sum(size * len(same) for size, same in buffers._HELD.items()) <= 10_000
    assert len({value.data_ptr() for value in held}) == 20


def test_referenced_outputs_are_never_overwritten(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer, kept = LSTM(8, 16, backend="llvm"), []
    for n in range(12):
        x = torch.randn(5, 9, 8)
        output, (h, c) = layer(x)
        held = [output, output.detach()[2], output.detach().numpy()[1:], h, c.detach().numpy(), output.grad_fn]
        file = BytesIO()
        torch.save(output.detach(), file)
        kept.append((held[n % 6], output.detach().clone(), held, file, x))
        if n % 2:
            output.sin().sum().backward()
    for _, expected, (output, row, array, h, c, _), file, x in kept:
        assert torch.equal(output, expected)
        assert torch.equal(row, expected[2])
        assert (array == expected[1:].numpy()).all()
        again, (again_h, again_c) = layer(x)
        assert torch.equal(h, again_h)
        assert (c == again_c.detach().numpy()).all()
        assert torch.equal(again, expected)
        file.seek(0)
        assert torch.equal(torch.load(file), expected)


@pytest.mark.parametrize("kind", [LSTM, GRU])
def test_a_retained_graph_gives_the_same_gradients_again(kind: type[torch.nn.Module]) -> None:
    torch.manual_seed(0)
    layer = kind(8, 16, num_layers=2, backend="llvm")
    x = torch.randn(5, 9, 8, requires_grad=True)
    loss = layer(x)[0].sin().sum()
    first = torch.autograd.grad(loss, [x, *layer.parameters()], retain_graph=True)
    kept = [value.clone() for value in first]
    for _ in range(3):  # whoever runs meanwhile must not get this graph's memory
        layer(torch.randn(5, 9, 8))[0].sum().backward()
    second = torch.autograd.grad(loss, [x, *layer.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(second, kept, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, kept, strict=True))
