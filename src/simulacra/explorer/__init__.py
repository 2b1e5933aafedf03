"""The explorer: a page where codes and attributes are turned by hand, served to the browser from run folders."""

from simulacra.explorer.app import make_app
from simulacra.explorer.safety import Guard, is_loopback
from simulacra.explorer.serving import free_socket, serve
from simulacra.explorer.shelf import Shelf

__all__ = ["Guard", "Shelf", "free_socket", "is_loopback", "make_app", "serve"]
