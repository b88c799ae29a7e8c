"""What is predicted from what: models, losses, metrics and decoding.

`Task` is all that the training loop knows of a task. The language model is one: `LanguageModel` reads units and scores
the next, `feeding` says what it is fed while it learns, `truncated_bptt` how far back it learns, `evaluate` how well it
predicts, and `writing` lets it write.
"""

from tidegate.tasks.evaluation import evaluate
from tidegate.tasks.language_model import LanguageModel, LanguageModelConfig
from tidegate.tasks.language_modelling import LanguageModelTask
from tidegate.tasks.task import Evaluation, Loss, Task

__all__ = ["Evaluation", "LanguageModel", "LanguageModelConfig", "LanguageModelTask", "Loss", "Task", "evaluate"]
