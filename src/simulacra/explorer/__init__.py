"""The explorer: a page where codes and attributes are turned by hand, served to the browser from run folders."""

from simulacra.explorer.app import free_socket, make_app, serve
from simulacra.explorer.library import Shelf
from simulacra.explorer.security import Guard, is_loopback

__all__ = ["Guard", "Shelf", "free_socket", "is_loopback", "make_app", "serve"]
