"""From an application to an open port."""

import socket

from starlette.types import ASGIApp

from simulacra.errors import RunError

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
