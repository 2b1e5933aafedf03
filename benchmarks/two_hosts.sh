#!/usr/bin/env bash
# Two hosts on one machine: network namespaces, each with an address of its own, a folder of its own and its own copy of
# the data, joined by a cable. torchrun trains one recipe on both; in the middle of it the process of the second host is
# killed. In the end the losses are put beside those of one process that was left in peace.
#
# sudo benchmarks/two_hosts.sh [FOLDER]      (Linux, iproute2, root; about two minutes)
set -euo pipefail

folder=$(realpath "${1:-$(mktemp -d)}")
recipe=(demo-vae --set networks.encoder.norm=none --set networks.decoder.norm=none --steps 400
        --set every.log=50 --set every.checkpoint=50 --device cpu --no-report)
export OMP_NUM_THREADS=1

clean() {
    kill $(jobs -p) 2>/dev/null || true
    for host in host-a host-b; do
        ip netns del "$host" 2>/dev/null || true
        rm -rf "/etc/netns/$host"
    done
}
trap clean EXIT

# Each host has a name of its own, and finds both names in its /etc/hosts.
ip netns add host-a
ip netns add host-b
ip link add wire-a netns host-a type veth peer name wire-b netns host-b
for side in a b; do
    address=$([ "$side" = a ] && echo 10.77.0.1 || echo 10.77.0.2)
    ip -n "host-$side" link set lo up
    ip -n "host-$side" link set "wire-$side" up
    ip -n "host-$side" address add "$address/24" dev "wire-$side"
    mkdir -p "/etc/netns/host-$side" "$folder/$side"
    printf '127.0.0.1 localhost\n10.77.0.1 host-a\n10.77.0.2 host-b\n' > "/etc/netns/host-$side/hosts"
    (cd "$folder/$side" && simulacra pack avatars --count 2000 --size 32 --out stores/avatars)
done

on() { # SIDE COMMAND...: on that host, in its folder
    cd "$folder/$1"
    ip netns exec "host-$1" unshare --uts sh -c "hostname host-$1; exec \"\$@\"" sh "${@:2}"
}
command=(torchrun --nnodes 2 --nproc-per-node 1 --max-restarts 3
         --rdzv-id two-hosts --rdzv-backend c10d --rdzv-endpoint host-a:29400
         -m simulacra train "${recipe[@]}" --data stores/avatars --out runs/two)
(on a "${command[@]}") > "$folder/a/log" 2>&1 & first=$!
(on b "${command[@]}") > "$folder/b/log" 2>&1 & second=$!

until [ -e "$folder/a/runs/two/checkpoints/step-00000100.pt" ]; do
    kill -0 "$first" || { cat "$folder/a/log" "$folder/b/log"; exit 1; }
    sleep 0.1
done
for process in $(ip netns pids host-b); do
    if tr '\0' ' ' < "/proc/$process/cmdline" | grep -q -- "-m simulacra"; then
        tr '\0' ' ' < "/proc/$process/cmdline" | grep -q "torchrun" || { echo "kill $process"; kill -9 "$process"; }
    fi
done
wait "$first" "$second"
grep -E "going on|another of|step 400" "$folder/a/log"
ls "$folder/b/runs" 2>/dev/null || echo "host b has written no run"

(cd "$folder/a" && simulacra train "${recipe[@]}" --data stores/avatars --out runs/one 2> log-of-one)
python - "$folder/a/runs" <<'PYTHON'
import json, sys
from pathlib import Path

one, two = ([json.loads(line) for line in (Path(sys.argv[1]) / run / "metrics.jsonl").open()] for run in ("one", "two"))
print("step   one process   two hosts   relative difference")
for row, other in zip(one, two, strict=True):
    left, right = row["loss/total"], other["loss/total"]
    print(f"{row['step']:4}   {left:11.5f}   {right:9.5f}   {abs(left - right) / left:.1e}")
PYTHON
