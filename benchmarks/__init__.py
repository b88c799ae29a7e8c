"""The benchmark: our layers and their peers side by side in one run, and nothing told that has not agreed first.

Read `suite.py` first: what is measured. `peers/` has one file for each library that we are compared with.
"""

from benchmarks.cases import Case, choose_cases
from benchmarks.peers import PEERS, choose_peers
from benchmarks.report import markdown, record
from benchmarks.rows import Row
from benchmarks.suite import Job, jobs
from benchmarks.targets import TARGETS, Target, judge

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
