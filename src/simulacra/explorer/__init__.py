"""The application: its page, its routes, sentences for what goes wrong, and the port that it is served at."""

import socket
from importlib import resources
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.types import ASGIApp

from simulacra.errors import RunError, SimulacraError
from simulacra.explorer import codes, runs
from simulacra.explorer import map as maps
from simulacra.explorer.connections import Connection
from simulacra.explorer.library import Busy, Explorer, Library, UnknownRun

PAGE = Path(str(resources.files("simulacra") / "explorer" / "page"))


STATUS = {UnknownRun: 404, maps.TooLarge: 413, Busy: 503}


def make_app(library: Library) -> FastAPI:
    """The explorer of these runs, to be put behind a `Guard`."""
    # No documentation page of FastAPI's: it loads its script from elsewhere.
    app = FastAPI(title="Simulacra explorer", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.explorer = Explorer(library)

    @app.get("/", response_model=None)
    async def front() -> FileResponse:
        return FileResponse(PAGE / "index.html", media_type="text/html; charset=utf-8")  # its twin is index.json

    for part in (runs, codes, maps):
        app.include_router(part.router)
    app.mount("/page", StaticFiles(directory=PAGE))
    app.exception_handler(SimulacraError)(_refused)
    app.exception_handler(RequestValidationError)(_misread)
    app.exception_handler(ClientDisconnect)(_left)
    return app


def _refused(request: Request, error: Exception) -> Response:
    """A mistake of the user, as a sentence."""
    status = next((status for kind, status in STATUS.items() if isinstance(error, kind)), 422)
    return JSONResponse({"error": str(error)}, status)


def _left(request: Request, error: Exception) -> Response:
    """A client that left before its request was whole: no fault of the program's, and nobody hears the answer."""
    return JSONResponse({"error": "the request is not whole"}, 400)


def _misread(request: Request, error: Exception) -> Response:
    """A request that is not as the route expects it, as one sentence."""
    assert isinstance(error, RequestValidationError), "it is registered for these"
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"][1:])
    return JSONResponse({"error": f"{key}: {first['msg'][0].lower()}{first['msg'][1:]}"}, 422)


TRIES = 50  # ports after the wanted one


def free_socket(host: str, port: int) -> socket.socket:
    """A bound socket at an address of this machine and the wanted port, or the next free one; port 0 takes any.

    Raises:
        RunError: the address is none of this machine, or no port near is free, or this is no port.
    """
    if not 0 <= port < 65536:
        raise RunError(f"port {port}: expected 0 to 65535")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except (OSError, UnicodeError) as error:
        raise RunError(f"--host {host}: there is no such address ({error}); give 127.0.0.1") from error
    reason: OSError | None = None
    for number in range(port, min(port + TRIES, 65536)):
        opened = socket.socket(family, socket.SOCK_STREAM)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((host, number))
            opened.listen(128)  # fails where another program listens at a port that reuse let us bind
        except OSError as error:
            opened.close()
            reason = error
            continue
        return opened
    raise RunError(f"no port from {port} on is free at {host} ({reason}); choose another with --port") from reason


def server_of(app: ASGIApp) -> uvicorn.Server:
    """A server of an application. Requests are not logged: an address may hold a token."""
    config = uvicorn.Config(
        app,
        http=Connection,  # whatever other reader of HTTP is installed
        ws="none",
        log_level="error",  # a warning for each line that is no HTTP would bury what the owner should read
        access_log=False,
        proxy_headers=False,  # who asks could else say so, and guess tokens under as many addresses as it liked
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def serve(app: ASGIApp, at: socket.socket) -> None:
    """Answers requests at a socket until Ctrl-C or SIGTERM."""
    server_of(app).run(sockets=[at])
