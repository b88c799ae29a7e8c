"""The benchmark: our layers and those of other libraries (peers), timed in turns after a check that they agree.

Read `suite.py` first; it lists the measurements. `peers/` has one file for each library.
"""

from benchmarks.cases import Case, choose_cases
from benchmarks.kinds.job import Job
from benchmarks.peers import PEERS, choose_peers
from benchmarks.report import markdown, record
from benchmarks.rows import Row
from benchmarks.suite import jobs
from benchmarks.targets import TARGETS, Target
from benchmarks.verdicts import Verdict, judge

__all__ = [
    "PEERS",
    "TARGETS",
    "Case",
    "Job",
    "Row",
    "Target",
    "Verdict",
    "choose_cases",
    "choose_peers",
    "jobs",
    "judge",
    "markdown",
    "record",
]
