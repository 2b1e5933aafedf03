"""The application: its page, its routes, sentences for what goes wrong, and the port that it is served at."""

import socket
from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp

from simulacra.errors import RunError, SimulacraError
from simulacra.explorer import codes, runs, uploads
from simulacra.explorer import map as maps
from simulacra.explorer.library import Overtaken, Shelf, Unknown
from simulacra.explorer.requests import Served

PAGE = Path(str(resources.files("simulacra") / "explorer" / "page"))


def make_app(shelf: Shelf) -> FastAPI:
    """The explorer of these runs, to be put behind a `Guard`."""
    # No documentation page of FastAPI's: it loads its script from elsewhere.
    app = FastAPI(title="Simulacra explorer", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.served = Served(shelf)
    app.get("/", response_model=None)(front)
    for part in (runs, codes, maps, uploads):
        app.include_router(part.router)
    app.mount("/page", StaticFiles(directory=PAGE))
    app.exception_handler(SimulacraError)(_refused)
    app.exception_handler(RequestValidationError)(_misread)
    app.exception_handler(Overtaken)(_overtaken)
    return app


def front() -> FileResponse:
    """The one page; its twin is index.json."""
    return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8")


def _refused(request: Request, error: Exception) -> Response:
    """The user's mistake, as the sentence that says it."""
    status = 404 if isinstance(error, Unknown) else 413 if isinstance(error, uploads.TooLarge) else 422
    return JSONResponse({"error": str(error)}, status)


def _misread(request: Request, error: Exception) -> Response:
    """A request that is not as the route wants it, told as one sentence."""
    assert isinstance(error, RequestValidationError), "it is registered for these"
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"error": f"{key}: {first['msg'][0].lower()}{first['msg'][1:]}"}, 422)


def _overtaken(request: Request, error: Exception) -> Response:
    """Nobody waits for this answer any more."""
    return Response(status_code=204)


TRIES = 50  # ports after the wanted one


def free_socket(host: str, port: int) -> socket.socket:
    """A bound socket at the wanted port, or at the next free one.

    Args:
        host: an address of this machine.
        port: the first to try; 0 takes any.

    Raises:
        RunError: the address is none of this machine, or no port near is free.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except (OSError, UnicodeError) as error:
        raise RunError(f"--host {host}: there is no such address ({error}); give 127.0.0.1") from error
    reason: OSError | None = None
    for place in range(port, min(port + TRIES, 65536)):
        one = socket.socket(family, socket.SOCK_STREAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, place))
            one.listen(128)  # a port that another one listens at is told here, where reuse let it be bound
        except OSError as error:
            one.close()
            reason = error
            continue
        return one
    raise RunError(f"no port from {port} on is free at {host} ({reason}); give another with --port") from reason


def serve(app: ASGIApp, at: socket.socket) -> None:
    """Answers requests until Ctrl-C or SIGTERM. No line is logged of a request: its address may hold a token."""
    import uvicorn

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[at])
