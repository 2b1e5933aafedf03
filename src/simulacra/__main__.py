"""`simulacra`, `python -m simulacra`, and so `torchrun -m simulacra`: the command line."""

import sys


def main() -> None:
    """Runs the command line; Ctrl-C ends with a sentence even while the command line is being loaded."""
    try:
        from simulacra.cli import main as run
    except KeyboardInterrupt:
        print("simulacra: stopped; the same command begins this again", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
