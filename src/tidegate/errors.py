"""Everything Tidegate raises on purpose.

::

    TidegateError
    ├── CellError            (ValueError)    a cell's equations are badly formed
    ├── ArgumentError        (ValueError)    an argument's value or shape does not fit
    ├── BackendError         (RuntimeError)  the chosen backend cannot run this; the message lists the reasons
    ├── DataError            (ValueError)    the data given cannot be used
    │   ├── EncodingError                    a file is not the UTF-8 text it should be
    │   ├── UnknownTokenError                 a character or token is not in the vocabulary
    │   └── CorpusTooSmallError              not enough text for one window
    ├── RunFolderError       (ValueError)    a run folder or one of its files is missing, foreign or damaged
    ├── HubError             (OSError)       the hub refuses, or cannot be reached
    ├── TrainingError        (RuntimeError)  training cannot go on
    │   ├── NonFiniteLossError               the loss became inf or nan
    │   └── ProcessLostError                 another process of the same run ended or cannot be reached
    ├── BenchmarkError       (RuntimeError)  something cannot be measured
    │   └── ParityError                      two implementations that are to be timed computed different things
    ├── MissingDependencyError (ImportError) an optional package is needed and not installed
    └── BrokenDependencyError  (ImportError) a package is installed and cannot be imported

Each also is the built-in exception named in brackets, so code that catches those keeps working.
A message says what was given, what was expected and what to do.
"""


class TidegateError(Exception):
    """The root of every error Tidegate raises on purpose."""


class CellError(TidegateError, ValueError):
    """A cell's equations are badly formed; the message names the cell and the fault."""


class ArgumentError(TidegateError, ValueError):
    """An argument's value or shape does not fit."""


class BackendError(TidegateError, RuntimeError):
    """The chosen backend cannot run this cell or these arguments; the message lists the reasons."""


class DataError(TidegateError, ValueError):
    """The data given cannot be used."""


class EncodingError(DataError):
    """A file is not the UTF-8 text it should be; the message names the file and the byte offset."""


class UnknownTokenError(DataError):
    """A character or token is not in the vocabulary and the policy is to refuse it."""


class CorpusTooSmallError(DataError):
    """There is not enough text for one window; the message says how much is needed."""


class RunFolderError(TidegateError, ValueError):
    """A run folder or one of its files is missing, foreign, truncated or tampered with."""


class HubError(TidegateError, OSError):
    """The hub has no such repository or revision, refuses it, or cannot be reached; the message says which."""


class TrainingError(TidegateError, RuntimeError):
    """Training cannot go on."""


class NonFiniteLossError(TrainingError):
    """The loss became inf or nan; the last good checkpoint is kept."""


class ProcessLostError(TrainingError):
    """Another process of the same run ended or cannot be reached; the last checkpoint is kept."""


class BenchmarkError(TidegateError, RuntimeError):
    """Something cannot be measured."""


class ParityError(BenchmarkError):
    """Two implementations that are to be timed computed different things; the message says what differs."""


class MissingDependencyError(TidegateError, ImportError):
    """An optional package is needed and not installed; the message says how to install it."""


class BrokenDependencyError(TidegateError, ImportError):
    """A package is installed and cannot be imported; the message says why, and how to install it again."""
