"""A program that several processes run: trainings by the command line, one after the other, as a plan says.

The folder TOGETHER holds `plan.json`, a list of trainings: `words` of the command line and, where one is to be
disturbed, `signal`, which process 1 gives itself in the update `step` of the first attempt, or `other`, the words that
process 1 is given. `notes-RANK.json` comes to hold the exit codes, and all that the process wrote.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ["TOGETHER"])
RANK = int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")))
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
written: list[str] = []


def watch(event: str, words: tuple[Any, ...]) -> None:
    """Notes what is opened for writing, made, or renamed in the folder."""
    if (event == "open" and words[2] & WRITES) or event in ("os.rename", "os.mkdir"):
        written.append(str(words[0]))


def code_of(part: dict[str, Any]) -> int:
    """The exit code of one training."""
    from simulacra.cli import main
    from simulacra.objectives.vae import VAE

    update = VAE.update

    def disturbed(self: VAE, batch: Any, step: int, optimize: Any) -> Any:
        first_attempt = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") == "0"
        if RANK == 1 and first_attempt and step == part["step"]:
            os.kill(os.getpid(), part["signal"])
        return update(self, batch, step, optimize)

    sys.argv[1:] = part.get("other", part["words"]) if RANK else part["words"]
    VAE.update = disturbed if "signal" in part else update  # type: ignore[method-assign]
    try:
        main()
    except SystemExit as leave:
        return int(leave.code or 0)
    finally:
        VAE.update = update  # type: ignore[method-assign]
    return 0


if __name__ == "__main__":
    signal.alarm(300)  # nothing that goes wrong here may last
    sys.addaudithook(watch)
    codes = [code_of(part) for part in json.loads((FOLDER / "plan.json").read_text("utf-8"))]
    inside = [name for name in written if name.startswith(str(FOLDER))]
    (FOLDER / f"notes-{RANK}.json").write_text(json.dumps({"codes": codes, "written": inside}), "utf-8")
    sys.exit(max(codes))
