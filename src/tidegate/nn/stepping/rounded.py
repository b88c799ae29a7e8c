"""Round the weights of recurrent layers as steps in int8 do."""

import torch
from torch import nn

from tidegate.engine.int8 import in_int8
from tidegate.errors import ArgumentError
from tidegate.nn.layered import Layered


def round_to_int8_(model: nn.Module) -> None:
    """Round the matrices of all recurrent layers of a model in place, as ``layer.stepper(weights="int8")`` does.

    ::

        w ← s · round(w / s),   s = max |w| / 127 of the row of the matrix

    What the model then computes is, up to float rounding, what its steppers with weights in int8 compute: its loss is
    theirs. Biases, embeddings and output layers stay as they are.

    Args:
        model: a module with recurrent layers of Tidegate in it.

    Raises:
        ArgumentError: it has none, weights are not finite, or a matrix is computed from parameters (by a
            parametrization or a hook), so that writing to it would be lost.
    """
    layers = [it for it in model.modules() if isinstance(it, Layered)]
    if not layers:
        raise ArgumentError(f"{type(model).__name__} has no recurrent layers of Tidegate whose weights can be rounded.")
    for layer in layers:
        own = {parameter.data_ptr() for parameter in layer.parameters()}
        for k in range(layer.num_layers):
            for direction in range(1 + layer.bidirectional):
                for matrix in layer.layer_weights(k, direction).matrices():
                    if matrix.data_ptr() not in own:
                        raise ArgumentError(
                            f"A weight of {type(layer).__name__} is computed from parameters, so it cannot be rounded "
                            "in place: remove the parametrization first."
                        )
                    whole, scale = in_int8(matrix.detach())
                    with torch.no_grad():
                        matrix.copy_(whole * scale)
