"""Serve the page until a signal ends it."""

import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from tidegate.io.optional import needed
from tidegate.lens.session.session import Session
from tidegate.serve.server import Questions, application

PATIENCE = 1  # seconds for answers that are being sent when a signal comes


def page_server(session: Session, on_ending: Callable[[], None]) -> Callable[[socket.socket], None]:
    """Return a function that serves the page on a listening socket until the first SIGINT or SIGTERM.

    What is computed then is given up, and further Ctrl-C are ignored: the process should end.

    Args:
        session: the runs.
        on_ending: called at once when the signal comes.

    Raises:
        MissingDependencyError: FastAPI or uvicorn is not installed.
    """
    uvicorn = needed("uvicorn", "The page needs")
    questions = Questions()

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> Any:
            if not self.should_exit:
                on_ending()
            questions.end()
            return super().handle_exit(sig, frame)

    config = uvicorn.Config(application(session, questions), log_level="warning", timeout_graceful_shutdown=PATIENCE)

    def serve(listening: socket.socket) -> None:
        with suppress(KeyboardInterrupt):  # uvicorn raises the signal again
            Server(config).run(sockets=[listening])
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    return serve
