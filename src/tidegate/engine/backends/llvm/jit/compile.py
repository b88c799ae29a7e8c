"""Compile IR to a function that Python can call, through the cache on disk."""

from __future__ import annotations

import ctypes
import functools
import gc
import hashlib
import operator
import os
import platform
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import llvmlite
from llvmlite import binding as llvm

from tidegate.engine.backends.llvm import kernel_spec
from tidegate.engine.backends.llvm.emit.builder import Emitted
from tidegate.engine.backends.llvm.emit.copy_kernel import CopySpec, emit_copy
from tidegate.engine.backends.llvm.emit.gemm import GemmSpec, emit_gemm
from tidegate.engine.backends.llvm.emit.kernel import emit_kernel
from tidegate.engine.backends.llvm.emit.pack_kernel import PackSpec, emit_pack
from tidegate.engine.backends.llvm.jit.instruction_set import instruction_set
from tidegate.engine.backends.llvm.jit.thread_entry import SUFFIX, thread_entry
from tidegate.engine.backends.llvm.kernel_spec import KernelSpec
from tidegate.engine.kernels import stages
from tidegate.engine.kernels.cache import Code, load, save
from tidegate.engine.program import program

_LOCK = threading.Lock()
if hasattr(os, "register_at_fork"):  # a child must not find it locked by a thread that does not exist there
    os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)


Spec = KernelSpec | GemmSpec | PackSpec | CopySpec
EMITTERS: dict[type, Callable[..., Emitted]] = {
    KernelSpec: emit_kernel,
    GemmSpec: emit_gemm,
    PackSpec: emit_pack,
    CopySpec: emit_copy,
}
# The folders with all source that decides what is emitted: this backend, what backends share, and Programs.
SOURCES = tuple(Path(str(module.__file__)).parent for module in (kernel_spec, stages, program))


class Compiled:
    """A compiled kernel, which takes a table of addresses and whole numbers.

    Attributes:
        call: the function; it takes the table, which part of the work to do, and the number of parts.
        thread_entry: the address of the function that each of several threads runs.
        table: the position of each argument in the table, by name.
    """

    def __init__(self, spec: Spec):
        key = _key(spec)
        code = load(key)
        if code is None:
            code = _compile(spec, key)
            save(key, code)
        self.table = code.table
        self._arguments = operator.itemgetter(*sorted(code.table, key=code.table.__getitem__))
        self._array = ctypes.c_int64 * len(code.table)
        signature = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
        address, self.thread_entry = _addresses(key, code.machine_code)
        self.call: Callable[..., None] = signature(address)

    def filled(self, slots: Mapping[str, int]) -> Any:
        """Return the table of one call, given the addresses and whole numbers by name."""
        return self._array(*self._arguments(slots))

    def filled_in_order(self, given: NamedTuple) -> Any:
        """Return the table of one call of a kernel whose table is always the same named tuple."""
        return self._array(*given)


@functools.lru_cache(maxsize=1024)
def compiled(spec: Spec) -> Compiled:
    """Return the compiled kernel of a specification; it is compiled once in a process."""
    with _LOCK:
        return Compiled(spec)


@functools.cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if platform.machine().lower() in ("aarch64", "arm64"):
        # There LLVM would move loads together, more than registers can hold, and keep a tile's sums in memory instead.
        llvm.set_option("tidegate", "-misched-cluster=false")


def _machine() -> llvm.TargetMachine:
    _initialise()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=instruction_set().cpu, features=instruction_set().features, opt=3, codemodel="jitdefault"
    )


@functools.cache
def _engine() -> llvm.ExecutionEngine:
    """Return the one engine for all kernels; it owns its target machine."""
    machine = _machine()
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)


def _addresses(key: str, machine_code: bytes) -> tuple[int, int]:
    engine = _engine()
    engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code))
    engine.finalize_object()
    name = f"tidegate_{key}"
    return engine.get_function_address(name), engine.get_function_address(name + SUFFIX)


def _compile(spec: Spec, key: str) -> Code:
    name = f"tidegate_{key}"
    text, slots = _emit(spec, name)
    machine = _machine()
    module = llvm.parse_assembly(text + thread_entry(name))
    module.triple, module.data_layout = llvm.get_default_triple(), str(machine.target_data)
    module.verify()
    _optimise(module, machine)
    return Code(slots, machine.emit_object(module))


def _emit(spec: Spec, name: str) -> tuple[str, dict[str, int]]:
    """Return a kernel's IR, and its table.

    The IR has many objects. Python would look through all of the process's for garbage, which takes 0.15 s; and again
    some time later if they were not collected while they are young.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        module, table = EMITTERS[type(spec)](spec, name)
        text, slots = str(module), dict(table.slots)
        del module, table
        gc.collect(0)
    finally:
        if enabled:
            gc.enable()
    return text, slots


def _optimise(module: llvm.ModuleRef, machine: llvm.TargetMachine) -> None:
    """Run the few passes that matter here; all of LLVM's at its lowest level take four times as long."""
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=1))
    passes = llvm.create_new_function_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    passes.add_instruction_combine_pass()
    passes.add_new_gvn_pass()
    passes.add_loop_simplify_pass()
    passes.add_dead_code_elimination_pass()
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)


def _key(spec: Spec) -> str:
    """Return a digest of what the machine code depends on: specification, machine, llvmlite's version, our source."""
    machine = instruction_set()
    text = repr((spec.key(), machine.cpu, machine.features, llvmlite.__version__, _emitter_digest()))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@functools.cache
def _emitter_digest() -> str:
    return source_digest(*SOURCES)


def source_digest(*folders: Path) -> str:
    """Return a digest of all Python files in some folders and their subfolders, file names included."""
    digest = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
