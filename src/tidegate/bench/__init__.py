"""The benchmark: our layers and their peers side by side in one run, and nothing told that has not agreed first.

Read `suite.py` first: what is measured. `peers/` has one file for each library that we are compared with.
"""

from tidegate.bench.cases import Case, choose_cases
from tidegate.bench.peers import PEERS, choose_peers
from tidegate.bench.report import markdown, record
from tidegate.bench.rows import Row
from tidegate.bench.suite import Job, jobs
from tidegate.bench.targets import TARGETS, Target, judge

__all__ = [
    "PEERS",
    "TARGETS",
    "Case",
    "Job",
    "Row",
    "Target",
    "choose_cases",
    "choose_peers",
    "jobs",
    "judge",
    "markdown",
    "record",
]
