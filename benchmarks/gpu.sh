#!/usr/bin/env bash
# What a GPU gives: the tests of devices, the speed of three recipes, and faces-fast for two minutes. At most 8 minutes.
#
#   benchmarks/gpu.sh OUT [PYTHON]
#
# PYTHON has torch with CUDA, and simulacra with its dependencies; OUT gets gpu.json, tests.txt and samples.png.
# Nothing is installed and nothing is downloaded. docs/performance.md says what was measured.
set -uo pipefail
out=$(realpath "$1")
python=${2:-python3}
cd "$(dirname "$0")/.."
mkdir -p "$out"
export PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}" XDG_CACHE_HOME="$out/cache"
command="$python -m simulacra"

$python -c 'import torch; assert torch.cuda.is_available(), "torch sees no GPU"' || exit 1
timeout 150 $python -m pytest -q -p no:cacheprovider tests/engine/test_cuda.py > "$out/tests.txt" 2>&1
tests=$?

$command pack avatars --count 12000 --size 64 --out "$out/avatars" > "$out/log.txt" 2>&1
for recipe in celeba-dcgan celeba-vae-512 faces-fast; do
    timeout 60 $command bench "$recipe" --device cuda --set precision=bfloat16 --seconds 15 --json \
        > "$out/bench-$recipe.json" 2>> "$out/log.txt"
done
timeout 200 $command train faces-fast --data "$out/avatars" --out "$out/run" --device cuda --minutes 2 --no-report \
    --json > "$out/train.json" 2>> "$out/log.txt"
$command sample "$out/run" -n 32 --out "$out/samples.png" >> "$out/log.txt" 2>&1

$python - "$out" "$tests" <<'END'
import json
import sys
from pathlib import Path

import torch

out, tests = Path(sys.argv[1]), int(sys.argv[2])


def read(path: Path) -> object:
    """What a command printed, or None where it failed."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None


found = {
    "gpu": torch.cuda.get_device_name(),
    "torch": torch.__version__,
    "tests": {"exit_code": tests, "summary": out.joinpath("tests.txt").read_text("utf-8").splitlines()[-1:]},
    "bench": {path.stem.removeprefix("bench-"): read(path) for path in sorted(out.glob("bench-*.json"))},
    "faces-fast": read(out / "train.json"),
}
out.joinpath("gpu.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")
print(json.dumps(found, indent=1))
END
