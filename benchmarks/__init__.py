"""The benchmark: our layers and those of other libraries (peers), timed in turns after a check that they agree.

Read `suite.py` first; it lists the measurements. `peers/` has one file for each library.
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
