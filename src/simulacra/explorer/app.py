"""The application: its page, its routes, and sentences for what goes wrong."""

from importlib import resources
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.staticfiles import StaticFiles
from starlette.responses import FileResponse, JSONResponse, Response

from simulacra.errors import SimulacraError
from simulacra.explorer import pictures, places, reading, told
from simulacra.explorer.desk import Overtaken
from simulacra.explorer.served import Served
from simulacra.explorer.shelf import Shelf, Unknown

PAGE = Path(str(resources.files("simulacra") / "explorer" / "page"))


def make_app(shelf: Shelf) -> FastAPI:
    """The explorer of these runs, to be put behind a `Guard`."""
    # No documentation page of FastAPI's: it loads its script from elsewhere.
    app = FastAPI(title="Simulacra explorer", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.served = Served(shelf)
    app.get("/", response_model=None)(front)
    for part in (told, pictures, places, reading):
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
    status = 404 if isinstance(error, Unknown) else 413 if isinstance(error, reading.TooLarge) else 422
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
