"""Tasks on independent examples, a folder for each; what they share is beside the folders.

A new task derives from `ExampleTask` (``base_task.py``) and gets its name from `tidegate.train.registry`; see
``docs/your_own_task.md``.
"""

from tidegate.tasks.base_task import ExampleTask
from tidegate.tasks.metrics_report import Metric, Report

__all__ = ["ExampleTask", "Metric", "Report"]
