"""Devices, mixed precision and several processes, through `accelerate`."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from tidegate.errors import ArgumentError, ProcessLostError, TidegateError
from tidegate.io.folder_lock import writing
from tidegate.io.optional import importing
from tidegate.train.task import Carried, Loss, Task

if TYPE_CHECKING:
    from accelerate import Accelerator


# How long processes wait for the first one, which alone prepares the data and validates. The end of a process is
# noticed at once.
PATIENCE = timedelta(hours=6)
# Messages of gloo and NCCL, which come as plain RuntimeErrors.
LOST = (
    "Connection closed by peer",
    "Connection reset by peer",
    "Broken pipe",
    "gloo/transport",
    "NCCL error",
    "Timed out",
)


def is_main_process() -> bool:
    """Whether this is the process that prints and writes, according to the launcher's environment."""
    return int(os.environ.get("RANK", "0")) == 0


class Objective(nn.Module):
    """A task's loss as one module call: one forward and one backward per step, however often the model runs inside.

    Gradient averaging and mixed precision wrap this module.
    """

    def __init__(self, task: Task, model: nn.Module) -> None:
        super().__init__()
        self.task, self.model = task, model

    def forward(self, batch: Any, carried: Carried, sampling_probability: float) -> Loss:
        """Compute the loss of one batch, see `tidegate.train.task.Task.loss`."""
        return self.task.loss(self.model, batch, carried, sampling_probability)


class Processes:
    """The processes of one run, one or many, and the device of this one.

    Args:
        device: "auto" for an accelerator if there is one, or "cpu".
        mixed_precision: "no", "fp16" or "bf16".

    Raises:
        MissingDependencyError: `accelerate` is not installed.
        ArgumentError: fp16 is asked for on a CPU.
    """

    def __init__(self, device: str, mixed_precision: str) -> None:
        self._accelerator = _accelerator(device, mixed_precision)
        self.device: torch.device = self._accelerator.device
        self.rank: int = self._accelerator.process_index
        self.world: int = self._accelerator.num_processes
        self.main: bool = self._accelerator.is_main_process
        self.scales = self._accelerator.scaler is not None  # fp16: steps with an infinite gradient are left out
        # Accelerate's own steps look for installed packages each time; PyTorch's are all that these cases need.
        self._plain = not self.scales and self._accelerator.distributed_type in ("NO", "MULTI_CPU", "MULTI_GPU")

    def prepare(
        self, objective: Objective, optimizer: torch.optim.Optimizer
    ) -> tuple[Callable[..., Loss], torch.optim.Optimizer]:
        """Move the model to the device; set up gradient averaging and mixed precision."""
        prepared = self._accelerator.prepare(objective, optimizer)
        return prepared[0], optimizer if self._plain else prepared[1]

    def backward(self, loss: Tensor) -> None:
        """Compute the gradients of a loss, averaged over the processes."""
        if self._plain:
            loss.backward()
        else:
            self._accelerator.backward(loss)

    def clip(self, parameters: list[nn.Parameter], limit: float | None) -> Tensor:
        """Clip the gradient's norm to ``limit``; return the norm before."""
        highest = float("inf") if limit is None else limit
        if self._plain:
            return nn.utils.clip_grad_norm_(parameters, highest)
        return cast(Tensor, self._accelerator.clip_grad_norm_(parameters, highest))

    def sum(self, *values: float) -> list[float]:
        """Sum each value over the processes."""
        if self.world == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        with self.lost_process_errors(str):
            return cast(Tensor, self._accelerator.reduce(tensor, "sum")).tolist()

    def gather(self, tensor: Tensor) -> Tensor:
        """Gather (...) from each process into (world, ...) in all."""
        return cast(Tensor, self._accelerator.gather(tensor.unsqueeze(0).contiguous()))

    @contextmanager
    def lost_process_errors(self, saved: Callable[[], str]) -> Iterator[None]:
        """Turn the network's errors when another process is gone into one that says what to do.

        Args:
            saved: describes the last checkpoint, for the message.

        Raises:
            ProcessLostError: another process ended or cannot be reached.
        """
        try:
            yield
        except RuntimeError as error:
            lost = isinstance(error, torch.distributed.DistError) or any(sign in str(error) for sign in LOST)
            if self.world == 1 or isinstance(error, TidegateError) or not lost:
                raise
            raise ProcessLostError(
                f"Another of the {self.world} processes of this run ended or cannot be reached any more "
                f"({str(error).splitlines()[0]:.120}). {saved()} Read its messages where it ran; then start all "
                f"{self.world} again with --resume."
            ) from error

    def wait(self) -> None:
        """Wait for all processes."""
        with self.lost_process_errors(str):
            self._accelerator.wait_for_everyone()

    def close(self) -> None:
        """Disconnect from the other processes."""
        # The gradient averaging holds the process group in a reference cycle. If it were still alive when the
        # interpreter exits, the group's threads would abort the process.
        self._accelerator.free_memory()
        self._accelerator.end_training()

    def scaler_state(self) -> dict[str, Any] | None:
        """Return the state of the fp16 gradient scaler, plain numbers."""
        return None if self._accelerator.scaler is None else self._accelerator.scaler.state_dict()

    def restore_scaler(self, state: dict[str, Any] | None) -> None:
        """Restore what `scaler_state` returned."""
        if self._accelerator.scaler is not None and state is not None:
            self._accelerator.scaler.load_state_dict(state)


def main_first(act: Callable[[], object], device: str) -> None:
    """Call ``act`` on the main process while the others wait.

    Raises:
        ProcessLostError: on the others, if it failed there.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        act()
        return
    processes, failed = Processes(device, "no"), None
    if processes.main:
        try:
            act()
        except Exception as error:  # the others are notified, then it is raised
            failed = error
    (lost,) = processes.sum(float(failed is not None))
    if failed is not None:
        raise failed
    if lost:
        raise ProcessLostError("The first process of this run could not begin; its message says why.")


@contextmanager
def one_writer(folder: Path, device: str) -> Iterator[None]:
    """Hold the lock of a run folder, on the main process; the others go on when it is held.

    Raises:
        RunFolderError: another run is being written there.
        ProcessLostError: on the others, likewise.
    """
    with ExitStack() as stack:
        main_first(lambda: stack.enter_context(writing(folder)), device)
        yield


def _accelerator(device: str, mixed_precision: str) -> "Accelerator":
    with importing("accelerate", "Training needs"):
        from accelerate import Accelerator, InitProcessGroupKwargs
        from accelerate.state import AcceleratorState
    # Accelerate's process-wide state would keep the settings of this process's first run. The process group stays: it
    # is made only once.
    AcceleratorState._reset_state(reset_partial_state=True)
    cpu = device == "cpu" or not torch.accelerator.is_available()
    if cpu and mixed_precision == "fp16":
        raise ArgumentError("mixed_precision is 'fp16', but a CPU does not support it: choose 'bf16' or 'no'.")
    patience = InitProcessGroupKwargs(timeout=PATIENCE)
    return Accelerator(cpu=cpu, mixed_precision=mixed_precision, kwargs_handlers=[patience])
