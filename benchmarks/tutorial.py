"""The output that readers of docs/tutorial.md should see: runs its commands in an empty folder and writes it down.

    python benchmarks/tutorial.py            # two to ten minutes on 2 cores

The output of a block `sh run` goes into the block `text` after it, where there is one.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"
BLOCK = re.compile(r"```sh run\n(?P<commands>.*?)```\n(?:\n```text\n(?P<output>.*?)```\n)?", re.DOTALL)
WIDTH = "100"  # columns of the terminal


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder:

        def written(block: re.Match[str]) -> str:
            output = run(block["commands"], Path(folder))
            return block[0] if block["output"] is None else block[0].replace(f"```text\n{block['output']}", output)

        PAGE.write_text(BLOCK.sub(written, PAGE.read_text("utf-8")), "utf-8")


def run(commands: str, folder: Path) -> str:
    """What the commands print, results and messages, as a block of the page."""
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    shell = ["bash", "-euo", "pipefail", "-c", commands]
    environment = {**os.environ, "PATH": programs, "COLUMNS": WIDTH}
    print(commands, end="", flush=True)
    ended = subprocess.run(
        shell, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True
    )
    lines = [line.rstrip() for line in ended.stdout.splitlines() if not re.match(r".*:\s+\d+%  ", line)]
    return "```text\n" + "".join(f"{line}\n" for line in lines if line)


if __name__ == "__main__":
    main()
