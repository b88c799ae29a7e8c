"""What bfloat16 costs in accuracy: ``python -m benchmarks.bfloat16_errors``.

Layers with equal bfloat16 weights run on equal inputs, ours and torch.nn's in bfloat16, and torch.nn's in float64.
Shown is the root mean square of the differences from float64, relative to that of the float64 numbers, for the output
and for the gradients of the input, the matrices and the biases, under a random gradient of the output: ours, then nn's.
"""

import torch
from torch import Tensor, nn

import tidegate.nn

STEPS, BATCH, UNITS = 100, 32, 256


def results(layer: nn.RNNBase, x: Tensor, cotangent: Tensor) -> dict[str, Tensor]:
    """Return the output and the gradients."""
    x = x.clone().requires_grad_()
    output = layer(x)[0]
    output.backward(cotangent)
    found = {"output": output, "x": x.grad}
    found |= {name.removesuffix("_l0"): parameter.grad for name, parameter in layer.named_parameters()}
    return {name: value.detach().double() for name, value in found.items() if value is not None}


def errors(found: dict[str, Tensor], exact: dict[str, Tensor]) -> dict[str, float]:
    """Return the errors of results relative to exact ones."""
    return {name: float((found[name] - value).norm() / value.norm()) for name, value in exact.items()}


def main() -> None:
    """Print a table."""
    torch.manual_seed(0)
    x = torch.randn(STEPS, BATCH, UNITS).bfloat16()
    cotangent = torch.randn(STEPS, BATCH, UNITS).bfloat16()
    for kind in ("LSTM", "GRU", "RNN"):
        ours, theirs = (getattr(module, kind)(UNITS, UNITS).bfloat16() for module in (tidegate.nn, nn))
        exact = getattr(nn, kind)(UNITS, UNITS).double()
        for layer in (theirs, exact):
            layer.load_state_dict(ours.state_dict())
        right = results(exact, x.double(), cotangent.double())
        own, others = (errors(results(layer, x, cotangent), right) for layer in (ours, theirs))
        for name in right:
            print(f"| {kind} | {name} | {own[name]:.2%} | {others[name]:.2%} |")


if __name__ == "__main__":
    main()
