"""``python -m tools.docs``: build the site; on errors, print them and exit with 1."""

import sys

from tools.docs.build import ROOT, SiteError, build

if __name__ == "__main__":
    try:
        built = build(ROOT / "site")
    except SiteError as error:
        sys.exit(f"docs: {error}")
    print(f"docs: {built.pages} pages in {built.folder}")
