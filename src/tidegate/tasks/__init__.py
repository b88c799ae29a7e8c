"""Tasks on independent examples, a folder for each; what they share is beside the folders."""

from tidegate.tasks.example_task import ExampleTask
from tidegate.tasks.metrics_report import Metric, Report

__all__ = ["ExampleTask", "Metric", "Report"]
