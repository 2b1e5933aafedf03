"""What the site does to the pages: links out of docs/ name a file of the repository, which the site does not hold."""

import re
from typing import Any

OUTSIDE = re.compile(r"\[(?P<text>[^\]]+)\]\(\.\./(?P<path>[^)#]+)[^)]*\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Gives the path in the repository in the place of each such link."""
    return OUTSIDE.sub(lambda link: f"{link['text']} (`{link['path']}` in the repository)", markdown)
