"""What goes with a model in WebAssembly: a module of JavaScript, and a page that writes text."""

from __future__ import annotations

import json

import tidegate
from tidegate.export.c.companions.folder_files import described
from tidegate.export.c.companions.templates import filled
from tidegate.export.c.interface.sampling_code import predicts_tokens
from tidegate.export.c.model_code import ModelCode
from tidegate.export.graph.exported import Exported, TokenTexts
from tidegate.export.graph.model_digest import model_digest

ENCODE = {
    "characters": "  return [...text].flatMap(known);",
    "words": "  return (text.match($words) ?? []).flatMap(known);",
    "bytes": "  return [...new TextEncoder().encode(text)];",
    "bpe": """\
  if (text) throw new Error("The tokens of a text are made in Python: tokenizer.encode(text).");
  return [];""",
}
WORDS = r"/\n|[^ \t\n\v\f\r]+/g", r"/[^ \t\n\v\f\r]+/g"  # with lines, and without
KNOWN = """\
const numbers = new Map(tokens.map((text, n) => [text, n]));

function known(text) {
  if (numbers.has(text)) return [numbers.get(text)];
  %s;
}
"""
DECODE = {
    "characters": "  return (token) => tokens[token];",
    "words": """\
  let apart = /\\S$/.test(after);
  return (token) => {
    const text = tokens[token];
    const blank = apart && text !== "\\n" ? " " : "";
    apart = text !== "\\n";
    return blank + text;
  };""",
    "bytes": """\
  const whole = new TextDecoder();
  return (token) => whole.decode(Uint8Array.from(tokens[token], (c) => c.charCodeAt(0)), { stream: true });""",
}
DECODE["bpe"] = DECODE["bytes"]


def module(code: ModelCode, model: Exported) -> str:
    """Return the module of JavaScript that loads the model and calls it."""
    p, graph = code.name, code.graph
    inputs = [{"name": it.name, "size": it.size, "tokens": it.tokens or 0} for it in graph.inputs]
    samples, given = predicts_tokens(graph), ", ".join("token" if it.tokens else it.name for it in graph.inputs)
    if graph.reads_backwards:
        whole = graph.output.whole
        methods = filled("model_run.js", p=p, each="" if whole else " of each step", rows="1" if whole else "steps")
        fields = keeps = begin = ""
        first = f"run({', '.join(it.name for it in graph.inputs)})"
    else:
        methods = filled("model_steps.js", p=p) + (filled("model_sample.js", p=p) if samples else "")
        fields = "\n  #state;" + "\n  #seed;" * samples
        keeps = (
            f"\n    this.#state = this.#keep(exports.{p}_state_size());" + "\n    this.#seed = this.#keep(8);" * samples
        )
        begin = "\n    this.reset();" + "\n    this.seed = 0;" * samples
        first = f"step({given})"
    return filled(
        "model.js", p=p, version=tidegate.__version__, what=described(code),
        first=first, inputs=json.dumps(inputs), outputs=code.outputs, digest=model_digest(graph).hex(),
        labels=json.dumps(list(model.labels)), fields=fields, keeps=keeps, begin=begin, methods=methods,
        text="" if model.tokens is None else _text(model.tokens),
    ).rstrip() + "\n"  # fmt: skip


def _text(tokens: TokenTexts) -> str:
    of_bytes = tokens.level in ("bytes", "bpe")
    texts = [it.decode("latin-1" if of_bytes else "utf-8", "surrogatepass") for it in tokens.texts]
    refuse = 'throw new RangeError("The model does not know " + text + ".")'
    then, unknown = refuse, ""
    if tokens.dropped:
        then, unknown = "return []", "What is not known is left out."
    elif tokens.unknown is not None:
        then, unknown = f"return [{tokens.unknown}]", "What is not known is read as the token for that."
    return filled(
        "text.js",
        form=": a character for each byte" if of_bytes else "",
        tokens=json.dumps(texts),
        start=tokens.start,
        numbers="" if of_bytes else KNOWN % then,
        reading="".join(f" {it}" for it in (tokens.reading, unknown) if it),
        encode=ENCODE[tokens.level].replace("$words", WORDS["\n" not in texts]),
        decode=DECODE[tokens.level],
    ).rstrip()


def page(code: ModelCode) -> str:
    """Return a page that writes text."""
    return filled("example.html", p=code.name, title=code.name, prompt="def ")
