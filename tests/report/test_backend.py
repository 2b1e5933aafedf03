"""MPLBACKEND, which a notebook sets for the processes that it starts."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("backend", ["module://no_such_module.backend_inline", "no such backend", "agg", ""])
def test_figures_are_drawn_whatever_backend_is_asked_for(backend: str) -> None:
    code = "import os, simulacra.report, matplotlib; print(os.environ['MPLBACKEND'], matplotlib.get_backend())"
    environment = os.environ | {"MPLBACKEND": backend}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(backend), "the variable is as it was, for the user's own figures"
    assert backend != "agg" or "agg" in ended.stdout.split()[1].lower()
