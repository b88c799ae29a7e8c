#!/usr/bin/env bash
# scikit-learn 1.9.1, scipy 1.17.1, numpy 2.4.6 (Python 3.11).
#
# DictVectorizer returns a sparse matrix whose indices are int64 even for two rows. SGDClassifier, of the same package,
# accepts 32-bit indices only: the two cannot be chained. LogisticRegression takes the same data.
#
# The good guess that is wrong: parts of one package fit each other, and small sparse data have 32-bit indices (SciPy's own
# csr_matrix of the same numbers has them).
#
# Seen:
#   csr_matrix int64
#   of the same numbers: int32
#   SGDClassifier: ValueError: Only sparse matrices with 32-bit integer indices are accepted. Got int64 indices. ...
#   LogisticRegression: fitted
#   SGDClassifier with 32-bit indices: fitted
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet --disable-pip-version-check scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
cat > show.py <<'PYTHON'
from scipy.sparse import csr_matrix
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier

counts, labels = DictVectorizer().fit_transform([{"a": 1}, {"b": 1}]), [0, 1]
print(type(counts).__name__, counts.indices.dtype)
print("of the same numbers:", csr_matrix(counts.toarray()).indices.dtype)
small = csr_matrix((counts.data, counts.indices.astype("int32"), counts.indptr.astype("int32")), shape=counts.shape)
for name, model, given in (
    ("SGDClassifier", SGDClassifier(), counts),
    ("LogisticRegression", LogisticRegression(), counts),
    ("SGDClassifier with 32-bit indices", SGDClassifier(), small),
):
    try:
        model.fit(given, labels)
        print(f"{name}: fitted")
    except ValueError as error:
        print(f"{name}: ValueError: {str(error).splitlines()[0]}")
PYTHON
env/bin/python show.py | tee seen
grep -qx "csr_matrix int64" seen
grep -qx "of the same numbers: int32" seen
grep -q "^SGDClassifier: ValueError: Only sparse matrices with 32-bit integer indices are accepted. Got int64" seen
grep -qx "LogisticRegression: fitted" seen
grep -qx "SGDClassifier with 32-bit indices: fitted" seen
