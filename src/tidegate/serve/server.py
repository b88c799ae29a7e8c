"""The web application that serves the page to this machine's browser."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidegate.errors import TidegateError
from tidegate.io.optional import importing
from tidegate.lens.session.session import Session
from tidegate.serve.bundle import bundle
from tidegate.serve.page import FILES, TYPES
from tidegate.serve.page_data import about
from tidegate.serve.question import ENDING, Question, said, status
from tidegate.serve.screens import SCREENS

HOSTS = ["127.0.0.1", "localhost"]  # another name in a request means that another site sent it
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
LINES = "application/x-ndjson"
NEWER = "X-Tidegate-Newer-Model"  # header of answers when the run was trained further since the page was opened
QUICK = 0.1  # seconds within which an answer is sent as it is, without messages about progress
LOOKS = 0.25  # seconds between two looks at whether the browser is still there


class Questions:
    """The questions that are being answered."""

    def __init__(self) -> None:
        self._open: set[Question] = set()
        self.ended = False

    def ask(self, answer: Callable[[], Any]) -> Question:
        """Let a thread answer a question."""
        question = Question(answer)
        self._open.add(question)
        if self.ended:
            question.leave()
        return question

    def leave(self, question: Question) -> None:
        """Stop a question, or forget one that is answered."""
        question.leave()
        self._open.discard(question)

    def end(self) -> None:
        """Stop all questions, so that the server can end."""
        self.ended = True
        for question in list(self._open):
            question.leave()


def application(session: Session, questions: Questions | None = None) -> Any:
    """Return an ASGI application (FastAPI) that serves the page and answers its questions.

    An answer that takes longer than a tenth of a second is sent as lines of JSON, if the request accepts them
    ("Accept: application/x-ndjson"): any number of ``{"progress": {"what", "share"}}`` and ``{"partial": ...}``, and at
    last ``{"answer": ...}`` or ``{"error": ..., "status": ...}``. Without it the same question waits for the answer.
    If the browser closes the connection, the computation stops.

    Args:
        session: the runs.
        questions: those that are being answered.

    Raises:
        MissingDependencyError: FastAPI is not installed.
    """
    with importing("fastapi", "The page needs"):
        import fastapi
        from fastapi.exceptions import RequestValidationError
        from starlette.datastructures import Headers, MutableHeaders
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.responses import JSONResponse, Response, StreamingResponse

    asked = Questions() if questions is None else questions

    class Lines(StreamingResponse):
        def __init__(self, question: Question) -> None:
            super().__init__(question.lines(), media_type=LINES)
            self.question = question

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            try:
                await super().__call__(scope, receive, send)
            finally:
                asked.leave(self.question)

    class Guard:
        """Refuses what other sites ask, and sets the headers of all answers."""

        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                return await self.app(scope, receive, send)
            asked_with = Headers(scope=scope)
            origin, site = asked_with.get("origin"), asked_with.get("sec-fetch-site", "none")
            own = origin in (None, f"{scope['scheme']}://{asked_with.get('host')}")

            async def send_with_headers(message: Any) -> None:
                if message["type"] == "http.response.start":
                    MutableHeaders(scope=message).update(HEADERS)
                await send(message)

            # A GET of another site's page has no Origin: it cannot read the answer, but would make us compute it.
            if own and (site in ("same-origin", "none") or not scope["path"].startswith("/api/")):
                return await self.app(scope, receive, send_with_headers)
            refusal = JSONResponse({"error": "Requests from other sites are not answered."}, 403)
            return await refusal(scope, receive, send_with_headers)

    async def answered(request: Any, answer: Callable[[], Any], *, streams: bool) -> Any:
        question = asked.ask(answer)
        accepts_lines = LINES in request.headers.get("accept", "")
        if streams or (accepts_lines and not await question.finished(QUICK)):
            return Lines(question)
        try:
            while not await question.finished(LOOKS):
                if asked.ended or await request.is_disconnected():
                    return JSONResponse({"error": ENDING}, 503)
            return Response(question.result(), media_type="application/json")
        finally:
            asked.leave(question)

    def bound(view: Callable[..., Any], *, streams: bool = False) -> Any:
        """Return the view bound to the session, with the signature of its other parameters, which FastAPI checks."""

        async def ask(request: fastapi.Request, **given: Any) -> Any:
            def answer() -> Any:
                session.check_data()
                return view(session, **given)

            response = await answered(request, answer, streams=streams)
            if session.has_newer_model():
                response.headers[NEWER] = "yes"
            return response

        whole, own = inspect.signature(view, eval_str=True), inspect.signature(ask)
        rest = [it.replace(kind=it.KEYWORD_ONLY) for it in list(whole.parameters.values())[1:]]
        ask.__signature__ = whole.replace(  # pyright: ignore[reportFunctionMemberAccess]
            parameters=[own.parameters["request"], *rest], return_annotation=Any
        )
        return ask

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)

    app.add_middleware(Guard)

    @app.exception_handler(TidegateError)
    async def refused(request: Any, error: Exception) -> Any:
        return JSONResponse({"error": said(error)}, status(error))

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Any, error: Any) -> Any:
        message = "; ".join(f"{'.'.join(map(str, it['loc'][1:]))}: {it['msg']}" for it in error.errors())
        return JSONResponse({"error": message}, 422)

    @app.exception_handler(Exception)
    async def failed(request: Any, error: Exception) -> Any:
        # The server logs the traceback. No middleware comes after this, so the headers are set here.
        return JSONResponse({"error": said(error)}, 500, HEADERS)

    app.get("/api/about", response_model=None)(bound(about))
    app.post("/api/text", response_model=None)(bound(_add))
    for screen in (it for it in SCREENS if it.shown(session)):
        for name, view in screen.views.items():
            app.get(f"/api/{name}", response_model=None)(bound(view))
        for name, view in screen.streams.items():
            app.get(f"/api/{name}", response_model=None)(bound(view, streams=True))

    script = bundle("app.js")

    @app.get("/{path:path}", response_model=None)
    async def page(path: str) -> Any:
        name = path or "index.html"
        if name not in FILES:
            return JSONResponse({"error": f"There is no {name!r} here."}, 404)
        content = script if name == "app.js" else FILES[name].read_bytes()
        return Response(content, media_type=TYPES[FILES[name].suffix])

    return app


@dataclass(frozen=True)
class NewText:
    """A text that was typed on the page."""

    text: str


def _add(session: Session, new: NewText) -> dict[str, int]:
    return {"text": session.add(new.text)}
