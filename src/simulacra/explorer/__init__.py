"""The explorer: a page in the browser that shows what the codes and labels of trained models do."""

from simulacra.explorer.app import free_socket, make_app, serve
from simulacra.explorer.library import Library
from simulacra.explorer.security import Guard, is_loopback

__all__ = ["Guard", "Library", "free_socket", "is_loopback", "make_app", "serve"]
