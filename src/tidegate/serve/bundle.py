"""The page's modules as one script: a report has no other files, and a browser need not ask for each in turn."""

import re
from pathlib import Path

from tidegate.serve.page import FILES

IMPORT = re.compile(r'^import (?:\{(?P<names>[^}]*)\} from )?"(?P<path>[^"]+)";$', re.MULTILINE)
EXPORT = re.compile(r"^export (?P<what>(?:async )?function\*?|const|let|class) (?P<name>\w+)", re.MULTILINE)
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def bundle(entry: str) -> str:
    """Return an ES module and all that it imports as one script: each module is a function that returns its exports.

    Modules may use only the forms of ``import`` and ``export`` that are matched here.
    """
    made: dict[str, str] = {}

    def add(name: str) -> str:
        if name in made:
            return f"module{list(made).index(name)}"
        text, head = FILES[name].read_text(encoding="utf-8"), []
        for found in IMPORT.finditer(text):
            inner = add((Path("/") / Path(name).parent / found["path"]).resolve().relative_to("/").as_posix())
            if found["names"]:
                names = found["names"].replace(" as ", ": ")
                head.append(f"const {{ {names.strip().rstrip(',')} }} = {inner};")
        exported = [found["name"] for found in EXPORT.finditer(COMMENT.sub("", text))]
        text = EXPORT.sub(r"\g<what> \g<name>", IMPORT.sub("", text))
        if left := re.search(r"^(?:import|export)\b.*$|</script|<!--", text, re.MULTILINE):
            raise AssertionError(f"{name}: {left[0]!r} cannot be put into a report")
        made[name] = "\n".join(["(() => {", *head, text, f"return {{ {', '.join(exported)} }};", "})()"])
        return f"module{list(made).index(name)}"

    add(entry)
    return "\n".join(f"const module{n} = {text};" for n, text in enumerate(made.values()))
