#!/usr/bin/env bash
# huggingface_hub 2.4.0.
#
# After one snapshot_download the same call goes on returning the folder of then, without an exception, when the hub says
# that the repository does not exist (404, RepoNotFound), that it is gated (403, GatedRepo), or that it fails (500).
# model_info asks the same address and raises RepositoryNotFoundError, GatedRepoError, HfHubHTTPError.
#
# The good guess that is wrong: the cache stands in where the hub cannot be reached; what the hub refuses raises.
#
# Seen:
#   there: snapshot_download folder, model_info ModelInfo
#   RepoNotFound: snapshot_download the same folder, model_info RepositoryNotFoundError
#   GatedRepo: snapshot_download the same folder, model_info GatedRepoError
#   500: snapshot_download the same folder, model_info HfHubHTTPError
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
python3 -m venv env
env/bin/pip install --quiet huggingface_hub==2.4.0
cat > show.py <<'PY'
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SHA = "0123456789abcdef0123456789abcdef01234567"
CONTENT = b'{"model_type": "none"}'
STATUS = {"RepoNotFound": 404, "GatedRepo": 403, "500": 500}
state = "there"


class Hub(BaseHTTPRequestHandler):
    def answer(self, body):
        if state != "there":
            self.send_response(STATUS[state])
            if state != "500":
                self.send_header("X-Error-Code", state)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if "/tree/" in self.path:
            content = json.dumps([{"type": "file", "path": "config.json", "size": len(CONTENT), "oid": "1"}]).encode()
        elif self.path.startswith("/api/"):
            content = json.dumps({"id": "me/run", "sha": SHA, "siblings": [{"rfilename": "config.json"}]}).encode()
        else:
            content = CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", '"1"')
        self.send_header("X-Repo-Commit", SHA)
        self.end_headers()
        if body:
            self.wfile.write(content)

    def do_GET(self):
        self.answer(body=True)

    def do_HEAD(self):
        self.answer(body=False)

    def log_message(self, *args):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ |= {"HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": os.path.abspath("home")}
os.environ.pop("HF_HUB_OFFLINE", None)
from huggingface_hub import model_info, snapshot_download  # the address is read when it is imported


def tried(function):
    try:
        return function("me/run")
    except Exception as error:
        return type(error).__name__


first = None
seen = []
for state in ("there", *STATUS):
    folder, info = tried(snapshot_download), tried(model_info)
    first = first or folder
    what = "folder" if state == "there" else "the same folder" if folder == first else folder
    seen.append(f"{state}: snapshot_download {what}, model_info {info if isinstance(info, str) else type(info).__name__}")
print("\n".join(seen))
assert os.path.isdir(first), first
assert seen == [
    "there: snapshot_download folder, model_info ModelInfo",
    "RepoNotFound: snapshot_download the same folder, model_info RepositoryNotFoundError",
    "GatedRepo: snapshot_download the same folder, model_info GatedRepoError",
    "500: snapshot_download the same folder, model_info HfHubHTTPError",
]
PY
env/bin/python show.py
