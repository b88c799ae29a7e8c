"""From IR to a function that Python can call."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

from llvmlite import binding as llvm

from tidegate.engine.backends.llvm.kernel import Kernel
from tidegate.engine.backends.llvm.tiles import Spec

Function = Any


@functools.cache
def machine() -> llvm.TargetMachine:
    """The machine this runs on, with all it can do."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, codemodel="jitdefault"
    )


@functools.cache
def vector_bytes() -> int:
    """The width of its vector registers."""
    features = llvm.get_host_cpu_features()
    if features.get("avx512f"):
        return 64
    return 32 if features.get("avx2") else 16


@functools.cache
def registers() -> int:
    """How many vector registers it has."""
    features = llvm.get_host_cpu_features()
    return 32 if features.get("avx512f") or features.get("neon") else 16


class Compiled:
    """A kernel, ready to be called with a table, rows, their count, and room for as many numbers."""

    def __init__(self, spec: Spec):
        kernel = Kernel(spec)
        self.table, self.tiles, self.stages, self.sequences = (
            kernel.table,
            kernel.tiles,
            kernel.stages,
            kernel.sequences,
        )
        self.made, self.lanes = sum(len(stage) for stage in kernel.made), spec.lanes
        target = machine()
        module = llvm.parse_assembly(str(kernel.module))
        module.triple, module.data_layout = llvm.get_default_triple(), str(target.target_data)
        module.verify()
        tuning = llvm.create_pipeline_tuning_options(speed_level=2)
        tuning.loop_vectorization = tuning.slp_vectorization = tuning.loop_unrolling = False
        llvm.create_pass_builder(target, tuning).getModulePassManager().run(
            module, llvm.create_pass_builder(target, tuning)
        )
        self._engine = llvm.create_mcjit_compiler(module, target)  # keeps the code in memory
        self._engine.finalize_object()
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
        self.call: Function = signature(self._engine.get_function_address("run"))
        self.module = module


@functools.lru_cache(maxsize=256)
def compiled(spec: Spec) -> Compiled:
    """The kernel for a specification, compiled once in a process."""
    return Compiled(spec)
