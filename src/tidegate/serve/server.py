"""The web application that serves the page to this machine's browser."""

import inspect
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tidegate.errors import TidegateError
from tidegate.io.optional import importing
from tidegate.lens.session.session import Session
from tidegate.serve.page import FILES, TYPES
from tidegate.serve.page_data import about
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


LOG = logging.getLogger(__name__)


def application(session: Session) -> Any:
    """Return an ASGI application (FastAPI) that serves the page and answers its questions.

    Raises:
        MissingDependencyError: FastAPI is not installed.
    """
    with importing("fastapi", "The page needs"):
        import fastapi
        from fastapi.exceptions import RequestValidationError
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.responses import JSONResponse, Response, StreamingResponse

    def streamed(pieces: Iterator[Any]) -> Any:
        return StreamingResponse(_lines(pieces), media_type="application/x-ndjson")

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)

    @app.middleware("http")
    async def headers(request: Any, go_on: Callable[[Any], Awaitable[Any]]) -> Any:
        origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site", "none")
        own = origin in (None, f"{request.url.scheme}://{request.headers.get('host')}")
        # A GET of another site's page has no Origin: it cannot read the answer, but would make us compute it.
        if not own or (request.url.path.startswith("/api/") and site not in ("same-origin", "none")):
            response = JSONResponse({"error": "Requests from other sites are not answered."}, 403)
        else:
            response = await go_on(request)
        response.headers.update(HEADERS)
        return response

    @app.exception_handler(TidegateError)
    def refused(request: Any, error: Exception) -> Any:
        return JSONResponse({"error": str(error)}, 400)

    @app.exception_handler(RequestValidationError)
    def malformed(request: Any, error: Any) -> Any:
        message = "; ".join(f"{'.'.join(map(str, it['loc'][1:]))}: {it['msg']}" for it in error.errors())
        return JSONResponse({"error": message}, 422)

    @app.exception_handler(Exception)
    def failed(request: Any, error: Exception) -> Any:
        # The server logs the traceback. No middleware comes after this, so the headers are set here.
        return JSONResponse({"error": unexpected(error)}, 500, HEADERS)

    app.get("/api/about", response_model=None)(_bound(about, session))
    app.post("/api/text", response_model=None)(_bound(_add, session))
    for screen in (it for it in SCREENS if it.shown(session)):
        for name, view in screen.views.items():
            app.get(f"/api/{name}", response_model=None)(_bound(view, session))
        for name, view in screen.streams.items():
            app.get(f"/api/{name}", response_model=None)(_bound(view, session, streamed))

    @app.get("/{path:path}", response_model=None)
    def page(path: str) -> Any:
        name = path or "index.html"
        if name not in FILES:
            return JSONResponse({"error": f"There is no {name!r} here."}, 404)
        return Response(FILES[name].read_bytes(), media_type=TYPES[FILES[name].suffix])

    return app


def _bound(view: Callable[..., Any], session: Session, answer: Callable[[Any], Any] = lambda data: data) -> Any:
    """Return the view bound to the session, with the signature of its other parameters, which FastAPI checks."""

    def ask(**asked: Any) -> Any:
        return answer(view(session, **asked))

    whole = inspect.signature(view, eval_str=True)
    rest = [it.replace(kind=it.KEYWORD_ONLY) for it in list(whole.parameters.values())[1:]]
    ask.__signature__ = whole.replace(parameters=rest, return_annotation=Any)  # pyright: ignore[reportFunctionMemberAccess]
    return ask


@dataclass(frozen=True)
class NewText:
    """A text that was typed on the page."""

    text: str


def _add(session: Session, new: NewText) -> dict[str, int]:
    return {"text": session.add(new.text)}


def _lines(pieces: Iterator[Any]) -> Iterator[str]:
    try:
        for piece in pieces:
            yield json.dumps(piece) + "\n"
    except TidegateError as error:  # the answer has begun: the error is its last line
        yield json.dumps({"error": str(error)}) + "\n"
    except Exception as error:
        LOG.exception("A stream ended early.")
        yield json.dumps({"error": unexpected(error)}) + "\n"


def unexpected(error: Exception) -> str:
    """Return the message that the page shows for a bug."""
    return f"The server failed ({type(error).__name__}): see the terminal in which tidegate look runs."
