"""The example beside a model's code: a program that reads what the model reads and writes what it says."""

from __future__ import annotations

from tidegate.export.c.companions.templates import c_string, filled
from tidegate.export.c.interface.sampling_code import predicts_tokens
from tidegate.export.c.model_code import ModelCode
from tidegate.export.graph.exported import Exported, TokenTexts

BLANKS = r" \t\v\f\r"


def example(code: ModelCode, model: Exported, *, embedded: bool) -> tuple[str, str]:
    """Return the example, and what it does.

    Args:
        code: the model.
        model: what is known about its tokens and outputs.
        embedded: whether the weights are compiled in.
    """
    p, up, graph, tokens = code.name, code.name.upper(), code.graph, model.tokens
    values = {"p": p, "P": up, "load": filled("load_embedded.c" if embedded else "load_file.c", p=p, P=up).strip()}
    of_tokens = len(graph.inputs) == 1 and graph.inputs[0].tokens is not None
    if of_tokens and tokens is not None:
        return _text(values, tokens) if predicts_tokens(graph) else _lines(code, values, model, tokens)
    kind, writes = _printed(model, tokens=of_tokens)
    values["print"] = filled(kind, p=p, P=up).strip()
    if of_tokens and not graph.reads_backwards:
        does = f"reads numbers of tokens and writes {writes} after each"
        return filled("tokens.c", **values, tokens=graph.inputs[0].tokens), does
    values |= {"inputs": sum(it.size for it in graph.inputs), "names": ", ".join(it.name for it in graph.inputs)}
    if graph.reads_backwards:
        each = "" if graph.output.whole else " for each"
        does = f"reads a sequence of numbers, a line for each step, and writes {writes}{each}"
        return filled("sequences.c", **values, **_split(code), each=each), does
    at, parts = 0, []
    for it in graph.inputs:
        parts.append(f"(int)x[{at}]" if it.tokens is not None else f"x + {at}")
        at += it.size
    return filled(
        "frames.c", **values, parts=", ".join(parts)
    ), f"reads frames of numbers and writes {writes} after each"


def _printed(model: Exported, *, tokens: bool) -> tuple[str, str]:
    if model.classes:
        return "print_label.c", "the likeliest label and its probability"
    if tokens:
        return "print_best.c", "the number of the largest output"
    return "print_numbers.c", "the outputs"


def _table(tokens: TokenTexts) -> str:
    strings = ",\n".join(f"  {{{len(it)}, {c_string(it)}}}" for it in tokens.texts)
    return filled("token_table.c", tokens=len(tokens.texts), strings=strings).strip()


def _reader(tokens: TokenTexts) -> str:
    if tokens.level == "bytes":
        return filled("read_bytes.c").strip()
    if tokens.level == "bpe":
        return filled("read_numbers.c", tokens=len(tokens.texts)).strip()
    if tokens.unknown is not None:
        unknown = {"then": "it is read as an unknown one", "unknown": f"return {tokens.unknown}"}
    else:
        unknown = (
            {"then": "it is left out", "unknown": "return -1"}
            if tokens.dropped
            else {"then": "leave it out", "unknown": "exit(2)"}
        )
    if tokens.level == "characters":
        return filled("read_characters.c", tokens=len(tokens.texts), **unknown).strip()
    lines = b"\n" in tokens.texts
    ends = {"blanks": BLANKS if lines else BLANKS + r"\n", "newline": r"*from == '\n' ? 1 :" if lines else ""}
    return filled("read_words.c", tokens=len(tokens.texts), **ends, **unknown).replace("=  ", "= ").strip()


def _text(values: dict[str, str], tokens: TokenTexts) -> tuple[str, str]:
    words, numbers = tokens.level == "words", tokens.level == "bpe"
    echo = [] if numbers else ["  fputs(text, stdout);"]
    if words:
        echo.append('  apart = *text && !strchr(" \\t\\n\\v\\f\\r", text[strlen(text) - 1]);')
    text = filled(
        "text.c",
        **values,
        table=_table(tokens),
        read=_reader(tokens),
        write=filled("write_words.c" if words else "write_bytes.c").strip(),
        echo="\n".join(echo),
        show="    write_token(token);\n" if numbers else "",
        start=tokens.start,
        text="TOKENS" if numbers else "TEXT",
    )
    given = "numbers of tokens, `./example '12 7 100'`" if numbers else "a text, `./example 'def '`"
    reading = f" {tokens.reading}" if tokens.reading else ""
    return text, f"goes on with {given}, always with the likeliest token; `--temperature 0.8` draws.{reading}"


def _lines(code: ModelCode, values: dict[str, str], model: Exported, tokens: TokenTexts) -> tuple[str, str]:
    p, up, graph, whole = code.name, code.name.upper(), code.graph, code.graph.output.whole
    kind, writes = _printed(model, tokens=True)
    if graph.reads_backwards:
        rows = "1" if whole else "(size_t)n"
        memory = []
        compute = [
            f"float *const y = malloc({rows} * {up}_OUTPUTS * sizeof(float));",
            f"void *const own = malloc({p}_room(n));",
            "if (!y || !own) return 2;",
            f"{p}_run(&model, given, n, own, y);",
            "print_output(y);" if whole else f"for (int k = 0; k < n; ++k) print_output(y + (size_t)k * {up}_OUTPUTS);",
            "free(y);",
            "free(own);",
        ]
    else:
        memory = [f"static {p}_state state;", f"static float y[{up}_OUTPUTS];"]
        compute = [
            f"{p}_reset(&model, &state);",
            "for (int k = 0; k < n; ++k) {",
            f"  {p}_step(&model, &state, given[k], y);",
            *([] if whole else ["  print_output(y);"]),
            "}",
            *(["print_output(y);"] if whole else []),
        ]
    if not whole:
        compute.append(r"putchar('\n');")
    each = "" if whole else f"; of its {tokens.level} a line each, and an empty line"
    text = filled(
        "lines.c",
        **values,
        print=filled(kind, p=p, P=up).strip(),
        table=_table(tokens),
        read=_reader(tokens),
        each=each,
        memory="".join(f"  {it}\n" for it in memory).rstrip(),
        compute="\n".join(f"    {it}" for it in compute),
    )
    reading = f" {tokens.reading}" if tokens.reading else ""
    return text, f"reads lines of text and writes {writes} for each{each}.{reading}"


def _split(code: ModelCode) -> dict[str, str]:
    """Write how lines of numbers become the sequences of each input."""
    graph, width, at, split = code.graph, sum(it.size for it in code.graph.inputs), 0, []
    for it in graph.inputs:
        kind, number = ("int", "(int)") if it.tokens is not None else ("float", "")
        split += [
            f"  {kind} *const {it.name} = memory(n * {it.size} * sizeof({kind}));",
            "  for (size_t t = 0; t < n; ++t)",
            f"    for (size_t k = 0; k < {it.size}; ++k)",
            f"      {it.name}[t * {it.size} + k] = {number}lines[t * {width} + {at} + k];",
        ]
        at += it.size
    return {
        "split": "".join(f"{it}\n" for it in split),
        "parts": ", ".join(it.name for it in graph.inputs),
        "rows": "(size_t)1" if graph.output.whole else "n",
    }
