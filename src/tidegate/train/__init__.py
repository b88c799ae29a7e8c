"""Training: one loop for every task, its checkpoints, and the run folder.

Read `loop.py` first. `train` begins a run in a folder, `resume` goes on with it exactly, `load_run` reads it for use.
"""

from tidegate.train.config import TrainConfig
from tidegate.train.distributed import is_main_process
from tidegate.train.events import Event, Finished, Progressed, Sampled, Started, Validated, ignore
from tidegate.train.run_folder import Run, RunConfig, claim_folder, holds_run, load_run, new_run, read_config
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
    "new_run",
    "read_config",
    "resume",
    "train",
]
