"""Training: one loop for every task, its checkpoints, and the run folder.

Read `loop.py` first. `train` starts a run in a folder, `resume` continues it exactly, `load_run` loads it for use.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tidegate.train.config import TrainConfig
    from tidegate.train.distributed import is_main_process, one_writer
    from tidegate.train.events import Event, Finished, Progressed, Sampled, Started, Validated, ignore
    from tidegate.train.registry import load_task, register_task
    from tidegate.train.run_config import RunConfig, holds_run, read_config
    from tidegate.train.run_folder import Run, claim_folder, load_run, new_run
    from tidegate.train.task import Evaluation, Loss, Task
    from tidegate.train.training import resume, train

__all__ = [
    "Evaluation",
    "Event",
    "Finished",
    "Loss",
    "Progressed",
    "Run",
    "RunConfig",
    "Sampled",
    "Started",
    "Task",
    "TrainConfig",
    "Validated",
    "claim_folder",
    "holds_run",
    "ignore",
    "is_main_process",
    "load_run",
    "load_task",
    "new_run",
    "one_writer",
    "read_config",
    "register_task",
    "resume",
    "train",
]

# Modules are imported on use, so that the command line can list tasks and options before torch is loaded.
_MODULES: dict[str, str] = dict.fromkeys(
    ("Event", "Finished", "Progressed", "Sampled", "Started", "Validated", "ignore"), "events"
)
_MODULES |= dict.fromkeys(("Run", "claim_folder", "load_run", "new_run"), "run_folder")
_MODULES |= dict.fromkeys(("RunConfig", "holds_run", "read_config"), "run_config")
_MODULES |= dict.fromkeys(("Evaluation", "Loss", "Task"), "task")
_MODULES |= {"TrainConfig": "config", "train": "training", "resume": "training"}
_MODULES |= dict.fromkeys(("is_main_process", "one_writer"), "distributed")
_MODULES |= dict.fromkeys(("load_task", "register_task"), "registry")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(importlib.import_module(f"tidegate.train.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'tidegate.train' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
