#!/usr/bin/env bash
# pyarrow 21.0.0 (also 26.0.1), Python 3.11: `pyarrow.json.read_json` with no schema.
#
# A JSON string that looks like a date becomes a timestamp, although JSON says that it is a string:
# {"d": "2023-03-05"} is read as timestamp[s], and so is "2023-03-05 10", a date and an hour.
# A string with a zone loses it: "2023-03-05T10:00:00Z" is a timestamp[s] without a zone, while pyarrow.csv reads the same
# text as timestamp[s, tz=UTC]. With fractions of a second the string stays a string, which pyarrow.csv does not leave.
#
# The good guess that is wrong: JSON has types, so a JSON reader guesses none where CSV's must; and where both guess, they
# guess the same. Every value of the column decides: with one "soon" among the dates all stay strings, so a column of
# texts changes its type with its contents. (Reading with an explicit schema, pyarrow.string(), keeps the strings.)
#
# Seen:
#   json timestamp[s]   csv date32[day]           2023-03-05
#   json timestamp[s]   csv timestamp[s]          2023-03-05 10
#   json timestamp[s]   csv timestamp[s, tz=UTC]  2023-03-05T10:00:00Z
#   json string         csv timestamp[ns]         2023-03-05T10:00:00.123
#   json string         csv time32[s]             12:30:00
#   with one word       string
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env && env/bin/pip install -q pyarrow==21.0.0
env/bin/python - <<'PYTHON'
import io
import json

import pyarrow.csv
import pyarrow.json

expected = {
    "2023-03-05": ("timestamp[s]", "date32[day]"),
    "2023-03-05 10": ("timestamp[s]", "timestamp[s]"),
    "2023-03-05T10:00:00Z": ("timestamp[s]", "timestamp[s, tz=UTC]"),
    "2023-03-05T10:00:00.123": ("string", "timestamp[ns]"),
    "12:30:00": ("string", "time32[s]"),
}


def from_json(*values):
    lines = "".join(json.dumps({"d": value}) + "\n" for value in values)
    return str(pyarrow.json.read_json(io.BytesIO(lines.encode())).schema.field("d").type)


for text, types in expected.items():
    csv = str(pyarrow.csv.read_csv(io.BytesIO(f"d\n{text}\n".encode())).schema.field("d").type)
    seen = (from_json(text), csv)
    print(f"json {seen[0]:14} csv {seen[1]:21} {text}")
    assert seen == types, f"it was {types}"
print("with one word      ", from_json("2023-03-05", "soon"))
assert from_json("2023-03-05", "soon") == "string"
PYTHON
