#!/usr/bin/env bash
# scikit-learn 1.9.1, Python 3.11 and its re module; regex 2026.11.15 beside it.
#
# CountVectorizer and TfidfVectorizer keep fragments of Hindi and Tamil words, and mostly nothing: "हिन्दी में लिखो" gives no
# token at all, "नमस्ते दुनिया" the fragment "नमस", "மொழி நல்லது" the fragments "நல" and "லத". A corpus of short Hindi words
# ends in "empty vocabulary; perhaps the documents only contain stop words". Vietnamese is whole in its composed form and
# cut in its decomposed one.
#
# The good guess that is wrong: \w of Python's re is Unicode's idea of a word character, so the default pattern
# (?u)\b\w\w+\b works for every language written with spaces. Python's \w has letters and digits but no combining marks,
# so each vowel sign ends a word, and what is left of it is often one letter, which the pattern drops. The regex module's
# \w has the marks.
#
# Seen:
#   CountVectorizer  ['नमस', 'நல', 'லத']
#   re               ['ह', 'न', 'द', 'म']
#   regex            ['हिन्दी', 'में']
#   re, decomposed   ['Vie', 't']
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env && env/bin/pip install -q scikit-learn==1.9.1 regex==2026.11.15
PYTHONIOENCODING=utf-8 env/bin/python - <<'PYTHON'
import re
import unicodedata

import regex
from sklearn.feature_extraction.text import CountVectorizer

seen = {
    "CountVectorizer": sorted(CountVectorizer().fit(["नमस्ते दुनिया", "हिन्दी में लिखो", "மொழி நல்லது"]).vocabulary_),
    "re": re.findall(r"\w+", "हिन्दी में"),
    "regex": regex.findall(r"\w+", "हिन्दी में"),
    "re, decomposed": re.findall(r"\w+", unicodedata.normalize("NFD", "Vi\u1ec7t")),
}
for name, words in seen.items():
    print(f"{name:16} {words}")
assert seen["CountVectorizer"] == ["नमस", "நல", "லத"]
assert seen["re"] == ["ह", "न", "द", "म"]
assert seen["regex"] == ["हिन्दी", "में"]
assert seen["re, decomposed"] == ["Vie", "t"]
try:
    CountVectorizer().fit(["में है"])
except ValueError as error:
    print(error)
    assert "empty vocabulary" in str(error)
else:
    raise AssertionError("it was an empty vocabulary")
PYTHON
