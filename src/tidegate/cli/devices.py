"""The device of a trained model."""

from typing import Literal

__all__ = ["Device", "chosen_device"]

Device = Literal["auto", "cpu"]


def chosen_device(device: Device) -> str:
    """Return the accelerator if there is one and the choice is "auto", else the CPU."""
    import torch

    found = torch.accelerator.current_accelerator(check_available=True) if device == "auto" else None
    return "cpu" if found is None else str(found)
