"""``python -m tools.docs``: build the site; on errors, print them and exit with 1."""

import sys

from tools.docs.build import ROOT, SiteError, build
from tools.pictures.shots import of_another_page

if __name__ == "__main__":
    try:
        built = build(ROOT / "site")
    except SiteError as error:
        sys.exit(f"docs: {error}")
    print(f"docs: {built.pages} pages in {built.folder}")
    if old := of_another_page():
        print(
            f"docs: pictures of an earlier version of the page: {', '.join(old)}. Take them again, of runs of their "
            "tasks: python -m tools.pictures RUN..."
        )
