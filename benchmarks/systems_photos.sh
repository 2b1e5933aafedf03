#!/usr/bin/env bash
# Face systems on photographs, for docs/systems.md: trains each recipe as it stands, measures it, and takes it down.
#
#     benchmarks/systems_photos.sh STORE RUNS [RECIPE...]
#
# STORE is UTKFace at 64x64 (benchmarks/utkface.py), RUNS a folder for the runs; both are relative to the project, as the
# results keep the command. VAEs see 100,000 images and GANs 60,000.
# The label of an ACGAN is Male, as UTKFace knows no Smiling. A recipe that has its row is skipped, and a training that
# was stopped goes on. Its row on drawn faces goes.
set -euo pipefail
cd "$(dirname "$0")/.."

store=$1 runs=$2
shift 2
vaes=(celeba-vae-100 celeba-vae-1024 celeba-vae-256-flat celeba-vae-512)
gans=(celeba-dcgan celeba-dcgan-bn celeba-dcgan-k5 celeba-gan-upsample celeba-acgan celeba-acgan-k5 celeba-acgan-onehot
      celeba-acgan-upsample celeba-infogan celeba-infogan-2x10 celeba-wgan celeba-wgan-gp)
[ $# -gt 0 ] || set -- "${vaes[@]}" "${gans[@]}"

for recipe; do
    compgen -G "benchmarks/results/$recipe-utkface*" > /dev/null && continue
    epochs=2.82
    [[ $recipe == celeba-vae-* ]] && epochs=4.7
    labels=()
    [[ $recipe == celeba-acgan* ]] && labels=(--set 'data.labels=["Male"]')
    simulacra train "$recipe" --data "$store" --epochs $epochs "${labels[@]}" --out "$runs/$recipe" --no-report
    groups=(--only quality --only conditions)
    [[ $recipe == celeba-vae-* ]] && groups=(--only quality --only reconstruction)
    simulacra evaluate "$runs/$recipe" -n 5000 "${groups[@]}"
    simulacra report "$runs/$recipe"
    python benchmarks/systems_table.py --add "$runs/$recipe"
    rm -f "benchmarks/results/$recipe-avatars-"* "docs/images/systems/$recipe-avatars"*
    python benchmarks/systems_table.py
done
