"""Forward pre-hooks where a module's weights are read without a call.

``torch.nn.utils.weight_norm``, ``spectral_norm`` and ``prune`` compute weights in such hooks: until they have run, the
attributes hold the weights of the last call.
"""

from __future__ import annotations

from typing import Any

from torch import nn


def after_pre_hooks(
    module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Run a module's forward pre-hooks as a call does, and return the arguments that ``forward`` would get."""
    for key, hook in (*module._forward_pre_hooks.items(),):
        if key in module._forward_pre_hooks_with_kwargs:
            both = hook(module, args, kwargs)
            args, kwargs = (args, kwargs) if both is None else both
        else:
            changed = hook(module, args)
            args = args if changed is None else changed if isinstance(changed, tuple) else (changed,)
    return args, kwargs
