"""Weights & Biases; without a network with ``WANDB_MODE=offline``, in the run folder."""

import os
import re
import secrets
from pathlib import Path
from typing import Any

from tidegate.errors import RunFolderError, TrainingError
from tidegate.io.optional import needed
from tidegate.io.wording import quoted

ID = r"[a-z0-9]{1,64}"


class WandB:
    """A tracker that hands values to the package `wandb`.

    The project is that of ``WANDB_PROJECT``, or "tidegate"; where to send them, and whether, is in its own variables.
    """

    def __init__(self) -> None:
        self._wandb = needed("wandb", "Logging to Weights & Biases needs")

    def begin(self, folder: Path, step: int, settings: dict[str, Any], known: dict[str, str]) -> str:
        """Begin a run of W&B, or go on with it: it keeps what it has of steps that are repeated.

        Raises:
            TrainingError: W&B refuses: nobody is logged in, or there is no connection.
        """
        name = known.setdefault("id", secrets.token_hex(4))
        if not re.fullmatch(ID, name):
            raise RunFolderError(f"{folder} should name its run of W&B by letters and digits, but says {quoted(name)}.")
        try:
            self._run = self._wandb.init(
                project=os.environ.get("WANDB_PROJECT", "tidegate"),
                name=str(folder),
                id=name,
                resume="allow",
                dir=os.environ.get("WANDB_DIR", str(folder)),
                config=settings,
                settings=self._wandb.Settings(console="off", silent=True),  # the display of training is on the terminal
            )
        except self._wandb.Error as error:
            raise TrainingError(
                f"Weights & Biases cannot be used ({str(error)!s:.300}). Log in with wandb login, or set "
                "WANDB_MODE=offline and send the log later with wandb sync."
            ) from error
        if url := None if self._run.offline else self._run.url:
            return f"logged to Weights & Biases: {url}"
        return f"logged for Weights & Biases, offline: wandb sync {Path(self._run.dir).parent}"

    def log(self, step: int, values: dict[str, float]) -> None:
        """Hand over values."""
        self._run.log(values, step=step)

    def end(self, *, completed: bool) -> None:
        """Wait until all is sent, or written if offline."""
        self._run.finish(exit_code=0 if completed else 1)
