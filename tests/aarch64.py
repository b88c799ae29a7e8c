"""Compile kernels for 64-bit ARM on any machine, and describe their machine code: ``python -m tests.aarch64 lstm gru``.

A layer is trained for a step with kernels that do nothing, so every kernel it would run is compiled, for Linux and
macOS. Each is a line of JSON. It needs a process of its own, because it takes the place of what the library asks about
the processor.
"""

import json
import platform
import re
import sys
from types import MethodType

import torch
from llvmlite import binding as llvm

TRIPLES = {"aarch64-unknown-linux-gnu": "neoverse-n1", "arm64-apple-macosx": "apple-m1"}
FMA = re.compile(r"\tfmla(?:\.(?:4s|2d)\t|\tv\d+\.(?:4s|2d))")  # as Apple writes it, and as others do
ON_STACK = re.compile(r"\t(?:ldr|str|ldp|stp)\tq\d+.*\[sp")


class Features(dict[str, bool]):
    """What a 64-bit ARM processor has."""

    def flatten(self) -> str:
        return "+neon"


def loops(assembly: str) -> list[dict[str, int]]:
    """Find the inner loops of products: blocks that branch to themselves, with at least eight FMAs and no division."""
    found = []
    for block in re.split(r"\n(?=\.?LBB)", assembly):
        label, fmas = block.split(":")[0], len(FMA.findall(block))
        if fmas >= 8 and "fdiv" not in block and re.search(rf"\tb\.\w+\t{re.escape(label)}\b", block):
            calls = len(re.findall(r"\tbl\t", block))
            others = len(re.findall(r"\tfmadd\t|\tfmul", block))
            found.append({"fma": fmas, "others": others, "calls": calls, "on_stack": len(ON_STACK.findall(block))})
    return found


def pretend() -> dict[str, llvm.TargetMachine]:
    """Let the library believe that it runs on 64-bit ARM, and return a machine to compile for by triple."""
    platform.machine = lambda: "aarch64"
    llvm.get_host_cpu_features = lambda: Features(neon=True)
    llvm.get_host_cpu_name = lambda: "neoverse-n1"
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    from tidegate.engine.backends.llvm.jit import compile as jit

    jit._initialise()
    return {
        triple: llvm.Target.from_triple(triple).create_target_machine(cpu=cpu, features="+neon", opt=3)
        for triple, cpu in TRIPLES.items()
    }


def optimised(text: str, triple: str, machine: llvm.TargetMachine) -> llvm.ModuleRef:
    """Return a kernel's IR for another processor, as the library optimises it."""
    from tidegate.engine.backends.llvm.jit.compile import _optimise

    module = llvm.parse_assembly(text)
    module.triple, module.data_layout = triple, str(machine.target_data)
    module.verify()
    _optimise(module, machine)
    return module


def main(cells: list[str]) -> None:
    machines = pretend()
    from tidegate.engine.backends.llvm.jit import compile as jit
    from tidegate.nn import Recurrent

    def compile_for_both(spec: jit.Spec, key: str) -> jit.Code:
        text, slots = jit._emit(spec, "kernel")
        for triple, machine in machines.items():
            module = optimised(text + jit.thread_entry("kernel"), triple, machine)
            assembly = machine.emit_assembly(module)
            calls = {name.removeprefix("_") for name in re.findall(r"\tbl\t(\S+)", assembly)} - {"kernel"}
            tiles = [list(vars(tile).values()) for tile in getattr(spec, "tiles", ())]
            about = {"triple": triple, "bytes": len(machine.emit_object(module)), "tiles": tiles}
            print(
                json.dumps({"kernel": type(spec).__name__, **about, "calls": sorted(calls), "loops": loops(assembly)})
            )
        return jit.Code(slots, b"")

    def run_nothing(self: jit.Compiled, spec: jit.Spec) -> None:
        self.table, self.thread_entry = jit._compile(spec, "").table, 0
        self.call = lambda *_: None
        self.filled = MethodType(lambda *_: None, self)
        self.filled_in_order = MethodType(lambda *_: None, self)

    jit._compile = compile_for_both
    jit.Compiled.__init__ = run_nothing
    torch.set_num_threads(1)
    for name in cells:
        for batch in (1, 9):
            layer, x = Recurrent(name, 5, 48), torch.zeros(2, batch, 5, requires_grad=True)
            layer(x)[0].sum().backward()


if __name__ == "__main__":
    main(sys.argv[1:])
