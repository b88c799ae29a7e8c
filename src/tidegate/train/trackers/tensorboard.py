"""TensorBoard: event files in the run folder, so that ``tensorboard --logdir runs`` shows all runs by their names."""

import json
from pathlib import Path
from typing import Any

from tidegate.io.optional import importing, needed

FILES = "events.out.tfevents.*"


class TensorBoard:
    """A tracker that writes what TensorBoard reads."""

    def __init__(self) -> None:
        needed("tensorboard", "Logging to TensorBoard needs")
        with importing("torch.utils.tensorboard", "Logging to TensorBoard needs"):
            from torch.utils.tensorboard import SummaryWriter
        self._open = SummaryWriter

    def begin(self, folder: Path, step: int, settings: dict[str, Any], known: dict[str, str]) -> str:
        """Open a new file; TensorBoard then leaves out what older ones have after ``step``."""
        self._writer = self._open(str(folder), purge_step=step + 1 if step else None)
        if not step:
            indented = "\n".join(f"    {line}" for line in json.dumps(settings, indent=1).splitlines())
            self._writer.add_text("settings", indented)  # Markdown: indented text is shown as it is
        return f"logged for TensorBoard: tensorboard --logdir {folder.parent}"

    def log(self, step: int, values: dict[str, float]) -> None:
        """Write scalars, at once."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)
        self._writer.flush()

    def end(self, *, completed: bool) -> None:
        """Close the file."""
        self._writer.close()
