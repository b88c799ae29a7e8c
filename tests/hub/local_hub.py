"""A server on this machine that speaks the hub's protocol, as much of it as reading and writing models needs.

It keeps its repositories in memory. Faults are switched on by a test: files cut off, other sizes, refusals.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Files = dict[str, bytes]


@dataclass
class Repository:
    """A repository: commits by their digest, and the commit of each branch or tag."""

    private: bool = False
    gated: bool = False
    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, files: Files, branch: str = "main", message: str = "") -> str:
        number = hashlib.sha1(f"{len(self.commits)}{sorted(files)}".encode()).hexdigest()
        self.commits[number], self.branches[branch] = dict(files), number
        self.messages.append(message)
        return number

    def at(self, revision: str) -> str | None:
        return self.branches.get(revision, revision if revision in self.commits else None)


@dataclass
class LocalHub:
    """The server's state.

    Attributes:
        address: where it listens.
        repositories: by "OWNER/NAME".
        tokens: the owners that a token may write to.
        cut_off: names of files of which only half is sent, as often as the number says.
        requests: all requests: method and path.
    """

    address: str = ""
    repositories: dict[str, Repository] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=lambda: {"writer": "me", "reader": ""})
    cut_off: dict[str, int] = field(default_factory=dict)
    down: bool = False
    requests: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, files: Files, **how: Any) -> str:
        """Add a repository, or a commit to it; return the commit."""
        return self.repositories.setdefault(name, Repository(**how)).commit(files)

    def fetched(self) -> list[str]:
        """The names of the files that were sent."""
        paths = [path for method, path in self.requests if method == "GET" and "/resolve/" in path]
        return [path.split("/", 5)[5] for path in paths]


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"
    hub: LocalHub

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_HEAD(self) -> None:
        self._answer("HEAD")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        url = urlsplit(self.path)
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.hub.requests.append((method, url.path))
        if self.hub.down:
            return self._refuse(500, "", "the hub is down")
        parts = [unquote(it) for it in url.path.strip("/").split("/")]
        match parts:
            case ["api", "repos", "create"]:
                return self._create()
            case ["api", "validate-yaml"]:
                return self._json({"errors": [], "warnings": []})
            case ["api", "models", owner, name, *rest]:
                return self._of_repository(f"{owner}/{name}", rest, parse_qs(url.query))
            case [owner, name, "resolve", revision, *path]:
                return self._file(f"{owner}/{name}", revision, "/".join(path), method)
        return self._refuse(404, "", "no such page")

    @property
    def _writes(self) -> str | None:
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        return self.hub.tokens.get(token)

    def _found(self, name: str, revision: str = "main") -> tuple[Repository, str] | None:
        """Return a repository and a commit, or refuse."""
        repository = self.hub.repositories.get(name)
        if repository is None or (repository.private and self._writes is None):
            self._refuse(401 if self._writes is None else 404, "RepoNotFound", "Repository not found")
            return None
        if repository.gated:
            self._refuse(403, "GatedRepo", "Access to this model is restricted")
            return None
        commit = repository.at(revision)
        if commit is None and repository.commits:
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return repository, commit or ""

    def _create(self) -> None:
        given = json.loads(self.body)
        name = f"{given['organization']}/{given['name']}"
        if self._writes is None:
            return self._refuse(401, "", "Invalid username or password.")
        if self._writes != given["organization"]:
            return self._refuse(403, "", "You don't have the rights to create a model under this namespace")
        if name in self.hub.repositories:
            return self._json({"error": "exists", "url": f"{self.hub.address}/{name}"}, 409)
        private = bool(given.get("private")) or given.get("visibility") == "private"
        self.hub.repositories[name] = Repository(private)
        self.hub.repositories[name].commit({".gitattributes": b""}, message="initial commit")
        return self._json({"url": f"{self.hub.address}/{name}"})

    def _of_repository(self, name: str, rest: list[str], query: dict[str, list[str]]) -> None:
        match rest:
            case [] | ["revision", _]:
                if (found := self._found(name, rest[1] if rest else "main")) is not None:
                    repository, commit = found
                    files = repository.commits.get(commit, {})
                    listed = [{"rfilename": path, "size": len(it), "blobId": "0"} for path, it in files.items()]
                    self._json({"id": name, "sha": commit, "private": repository.private, "siblings": listed})
            case ["tree", revision]:
                if (found := self._found(name, revision)) is not None:
                    files = found[0].commits[found[1]]
                    self._json(
                        [{"type": "file", "path": path, "size": len(it), "oid": _oid(it)} for path, it in files.items()]
                    )
            case ["preupload", _]:
                if self._may_write(name):
                    files = json.loads(self.body)["files"]
                    modes = [{"path": it["path"], "uploadMode": "regular", "shouldIgnore": False} for it in files]
                    self._json({"files": modes})
            case ["branch", branch]:
                if self._may_write(name):
                    repository = self.hub.repositories[name]
                    if branch in repository.branches:
                        return self._refuse(409, "", "Reference already exists")
                    repository.branches[branch] = repository.branches.get("main") or repository.commit({})
                    self._json({})
            case ["commit", branch]:
                if self._may_write(name):
                    self._commit(name, branch)
            case _:
                self._refuse(404, "", "no such page")
        return None

    def _may_write(self, name: str) -> bool:
        if self._writes == name.partition("/")[0]:
            return True
        self._refuse(403, "", "Forbidden: pass a token with write access")
        return False

    def _commit(self, name: str, branch: str) -> None:
        repository = self.hub.repositories[name]
        files = dict(repository.commits.get(repository.branches.get(branch, ""), {}))
        message = ""
        for line in self.body.splitlines():
            match json.loads(line):
                case {"key": "header", "value": header}:
                    message = header["summary"]
                case {"key": "file", "value": file}:
                    files[file["path"]] = base64.b64decode(file["content"])
                case {"key": "deletedFile", "value": file}:
                    del files[file["path"]]
        number = repository.commit(files, branch, message)
        self._json({"commitUrl": f"{self.hub.address}/{name}/commit/{number}", "commitOid": number, "success": True})

    def _file(self, name: str, revision: str, path: str, method: str) -> None:
        if (found := self._found(name, revision)) is None:
            return None
        repository, commit = found
        content = repository.commits[commit].get(path)
        if content is None:
            return self._refuse(404, "EntryNotFound", f"{path} does not exist")
        headers = {"X-Repo-Commit": commit, "ETag": f'"{_oid(content)}"', "Content-Length": str(len(content))}
        self.send_response(200)
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        if method == "HEAD":
            return None
        if self.hub.cut_off.get(path, 0) > 0:
            self.hub.cut_off[path] -= 1
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
            return None
        self.wfile.write(content)
        return None

    def _json(self, answer: Any, status: int = 200) -> None:
        self._send(status, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _refuse(self, status: int, code: str, message: str) -> None:
        body = b"" if self.command == "HEAD" else json.dumps({"error": message}).encode()
        headers = {"X-Error-Message": message, "Content-Type": "application/json"}
        self._send(status, body, headers | ({"X-Error-Code": code} if code else {}))

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)


def _oid(content: bytes) -> str:
    """Git's name of a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def local_hub() -> Iterator[LocalHub]:
    """Run a server while the block runs."""
    hub = LocalHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Connection", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
