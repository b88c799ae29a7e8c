"""The instructions that kernels are compiled for: those of this processor, or fewer if that was asked for."""

from __future__ import annotations

import functools
import os
from typing import NamedTuple

from llvmlite import binding as llvm

from tidegate.errors import ArgumentError

SWITCH = "TIDEGATE_CPU"
NATIVE = "native"


class InstructionSet(NamedTuple):
    """What LLVM and the emitter have to know of a processor.

    Attributes:
        cpu: LLVM's name of the processor.
        features: what it has beyond that, as LLVM writes it.
        vector_bytes: the width of a vector register.
        registers: how many there are.
        multiplies_bfloat16: whether an instruction multiplies pairs of bfloat16 and adds to float32 sums.
    """

    cpu: str
    features: str
    vector_bytes: int
    registers: int
    multiplies_bfloat16: bool = False


# By the names that TIDEGATE_CPU takes: what each is called by LLVM, and the features that a processor needs for it.
SMALLER = {
    "avx2": (InstructionSet("x86-64-v3", "", 32, 16), ("avx2", "fma", "bmi2")),
    "sse2": (InstructionSet("x86-64", "", 16, 16), ("sse2",)),
}


@functools.cache
def instruction_set() -> InstructionSet:
    """Return the instructions to use, which are the same as long as a process runs.

    Raises:
        ArgumentError: the environment's ``TIDEGATE_CPU`` names none, or one that this processor does not have.
    """
    wanted, has = os.environ.get(SWITCH) or NATIVE, llvm.get_host_cpu_features()
    if wanted == NATIVE:
        width = 64 if has.get("avx512f") else 32 if has.get("avx2") else 16
        many = has.get("avx512f") or has.get("neon")
        pairs = bool(has.get("avx512bf16") and has.get("avx512bw") and has.get("avx512vl"))
        return InstructionSet(llvm.get_host_cpu_name(), has.flatten(), width, 32 if many else 16, pairs)
    if wanted not in SMALLER:
        raise ArgumentError(f"{SWITCH} must be one of {', '.join((NATIVE, *SMALLER))}; it is {wanted!r}.")
    made, needed = SMALLER[wanted]
    if missing := [name for name in needed if not has.get(name)]:
        raise ArgumentError(f"{SWITCH} is {wanted}, but this processor has no {', '.join(missing)}; leave it unset.")
    return made
