"""The header of a model in C: its functions, sizes and digests."""

from __future__ import annotations

from collections.abc import Sequence

import tidegate
from tidegate.export.c.interface.sampling_code import predicts_tokens, sample_declaration
from tidegate.export.c.interface.saved_state import saved_bytes
from tidegate.export.c.model_code import ModelCode
from tidegate.export.c.weights_file import FORMAT, HEADER, weights_digest
from tidegate.export.graph.graph import Value
from tidegate.export.graph.model_digest import model_digest


def one(value: Value) -> str:
    """Return the parameter with which a step is given an input."""
    return f"int {singular(value.name)}" if value.tokens is not None else f"const float *{value.name}"


def many(value: Value, prefix: str = "") -> str:
    """Return the parameter with which all steps of an input are given."""
    return f"const {'int' if value.tokens is not None else 'float'} *{prefix}{value.name}"


def singular(name: str) -> str:
    """Return the name of an input of a single step."""
    return "token" if name == "tokens" else f"{name}_now"


def described(value: Value) -> str:
    """Say what a step of an input is."""
    if value.tokens is not None:
        return f"{singular(value.name)}: 0 to {value.tokens - 1}"
    return f"{value.name}: {value.size} number{'s' if value.size > 1 else ''}"


def header(code: ModelCode, labels: Sequence[str] = (), *, embedded: bool = False) -> str:
    """Return the header.

    Args:
        code: the model.
        labels: names of its outputs.
        embedded: whether its weights are compiled in, and not read from a file.
    """
    p, up = code.name, code.name.upper()
    constants = {
        "INPUTS": (sum(it.size for it in code.graph.inputs), "numbers of a step"),
        "OUTPUTS": (code.outputs, "numbers of " + ("a sequence" if code.graph.output.whole else "a step")),
        "WEIGHTS": (sum(t.numel() for t in code.numbers), "numbers among the weights"),
        "FORMAT": (FORMAT, "of files of weights" + ("" if code.graph.reads_backwards else " and of saved states")),
    }
    if not code.graph.reads_backwards:
        constants["SAVED"] = saved_bytes(code), "bytes of a saved state"
    width = max(len(f"{name}{number}") for name, (number, _) in constants.items())
    lines = [
        f"  {up}_{name} = {number},{' ' * (width - len(f'{name}{number}'))} /* {what} */"
        for name, (number, what) in constants.items()
    ]
    return "\n".join(
        [
            f"#ifndef {up}_H",
            f"#define {up}_H",
            "#include <stddef.h>",
            "#include <stdint.h>",
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            f'#define {up}_TIDEGATE "{tidegate.__version__}" /* the version that has written this */',
            "/* SHA-256 of the model: of its equations and numbers, however these are laid out. */",
            f'#define {up}_DIGEST "{model_digest(code.graph).hex()}"',
            "/* SHA-256 of the weights as they are laid out here. */",
            f'#define {up}_WEIGHTS_DIGEST "{weights_digest(code).hex()}"',
            "",
            "enum {",
            *lines,
            "};",
            "",
            *([] if code.graph.reads_backwards else [_state(code), ""]),
            "typedef struct {",
            "  const float *weights;",
            f"}} {p}_model;",
            "",
            _weights(code, embedded=embedded),
            "",
            _run(code) if code.graph.reads_backwards else _steps(code),
            *([sample_declaration(p)] if predicts_tokens(code.graph) else []),
            *(
                [f"/* The names of the outputs. */\nextern const char *const {p}_labels[{len(labels)}];\n"]
                if labels
                else []
            ),
            "/* The same numbers, for other languages; the size of a state is that of the struct. */"
            if not code.graph.reads_backwards
            else "/* The same numbers, for other languages. */",
            f"int {p}_inputs(void);",
            f"int {p}_outputs(void);",
            *([] if embedded else [f"size_t {p}_weights_size(void);"]),
            *([] if code.graph.reads_backwards else [f"size_t {p}_state_size(void);", f"size_t {p}_saved_size(void);"]),
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "#endif",
            "",
        ]
    )


def members(code: ModelCode) -> list[str]:
    """Return the members of the struct of a state."""
    found = [f"  float {it.name}[{it.room}];" for it in code.states]
    return [*found, *(["  uint32_t steps;"] if code.counts_steps else [])]


def _state(code: ModelCode) -> str:
    states = "\n".join(members(code) or ["  char nothing;"])
    return f"""\
/* What the model remembers from one step to the next. It belongs to the caller, and holds no pointers: to keep a state
   and return to it, copy it. */
typedef struct {{
{states}
}} {code.name}_state;"""


def _weights(code: ModelCode, *, embedded: bool) -> str:
    p = code.name
    if embedded:
        return f"""\
/* Use the weights in {p}_weights.c. */
void {p}_embedded({p}_model *model);"""
    return f"""\
/* Use the bytes of {p}.bin: {HEADER} of a head, then the weights. They have to stay where they are.
   Returns 0; 1 if the size is wrong, 2 if it is no such file, 3 if it belongs to another model, 4 if the address is not
   a multiple of 4. */
int {p}_load({p}_model *model, const void *bytes, size_t size);"""


def _run(code: ModelCode) -> str:
    p, up, inputs = code.name, code.name.upper(), code.graph.inputs
    given = "; ".join(map(described, inputs))
    what = f"{up}_OUTPUTS numbers" if code.graph.output.whole else f"{up}_OUTPUTS numbers for each"
    return f"""\
/* The bytes of memory that a run needs. */
size_t {p}_room(int steps);

/* Read a sequence of at least one step ({given}), and write {what} to y.
   room is memory for {p}_room(steps) bytes, at an address that is a multiple of 4; what it holds does not matter. */
void {p}_run(const {p}_model *model, {", ".join(map(many, inputs))}, int steps, void *room, float *y);
"""


def _steps(code: ModelCode) -> str:
    p, up, inputs = code.name, code.name.upper(), code.graph.inputs
    return f"""\
/* Begin a new sequence. */
void {p}_reset(const {p}_model *model, {p}_state *state);

/* Read one step ({"; ".join(map(described, inputs))}), and write {up}_OUTPUTS numbers to y. */
void {p}_step(const {p}_model *model, {p}_state *state, {", ".join(map(one, inputs))}, float *y);

/* Read n steps, and write n times {up}_OUTPUTS numbers. */
void {p}_block(const {p}_model *model, {p}_state *state, {", ".join(map(many, inputs))}, int n, float *y);

/* Write a state as {up}_SAVED bytes, which mean the same on every machine and in every layout of the weights. */
void {p}_save_state(const {p}_state *state, void *bytes);

/* Read a saved state. Returns 0; 1 if the size is wrong, 2 if it is no saved state, 3 if it is another model's: the
   state is left as it was then. */
int {p}_load_state({p}_state *state, const void *bytes, size_t size);
"""
