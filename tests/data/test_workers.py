"""Who may read pictures in several processes, and in how many."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from simulacra import files
from simulacra.data import workers
from simulacra.files import cores

READ = """
from simulacra.data.workers import read_all, may_start_processes
def main():
    print(may_start_processes(), sum(read_all(abs, list(range(-600, 0)))))
if __name__ == "__main__":
    main()
"""


@pytest.mark.parametrize("by", ["-", "-c", "file"])
def test_a_script_reads_many_pictures_however_it_is_run(by: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(READ)
    words = {"-": ["-"], "-c": ["-c", READ], "file": [str(tmp_path / "script.py")]}[by]
    given = READ if by == "-" else None
    ended = subprocess.run(
        [sys.executable, *words], input=given, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ended.stdout.split() == [str(by != "-"), "180300"], ended.stderr


def test_a_worker_that_may_have_no_children_reads_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(workers.multiprocessing.current_process()._config, "daemon", True)  # type: ignore[attr-defined]
    assert not workers.may_start_processes()
    assert sum(int(number) for number in workers.read_all(abs, list(range(-600, 0)))) == 180300


def test_a_notebook_may_start_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    assert workers.may_start_processes()


@pytest.mark.parametrize(
    ("group", "quotas", "count"),
    [
        ("0::/job", {"job/cpu.max": "150000 100000"}, 2),
        ("0::/job/step", {"job/cpu.max": "100000 100000", "job/step/cpu.max": "max 100000"}, 1),
        ("0::/job", {"job/cpu.max": "max 100000"}, 64),
        ("3:cpu,cpuacct:/job", {"cpu/job/cpu.cfs_quota_us": "300000", "cpu/job/cpu.cfs_period_us": "100000"}, 3),
        ("3:cpu:/job", {"cpu/job/cpu.cfs_quota_us": "-1", "cpu/job/cpu.cfs_period_us": "100000"}, 64),
        ("nonsense", {}, 64),
    ],
)
def test_a_containers_quota_counts(
    group: str, quotas: dict[str, str], count: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cgroup").write_text(group + "\n")
    for name, text in quotas.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text + "\n")
    monkeypatch.setattr(files, "GROUP", tmp_path / "cgroup")
    monkeypatch.setattr(files, "GROUPS", tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "process_cpu_count", lambda: 64, raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    assert cores() == count
