"""`python -m simulacra`, and so `torchrun -m simulacra`: the command line."""

from simulacra.cli import main

main()
