#!/usr/bin/env bash
# The noise axis and the kinds of model beside each other, after a short training that is the same for all:
#
#   physics-short.sh [SEED ...]
#
# On clips without noise every kind of physics.sh, with noise N1 to N7 the model (jepa), its pixel twin (pixels) and one
# whose encoder learns (learnt): 6,000 clips, 500 steps of the predictor and 500 of the stage usual, ended by no clock,
# and the model and its twin after as many steps on 94 to 24,000 clips (5 minutes to 21 hours at 10 frames a second),
# so another machine gives the same weights. Documents go to docs/results/physics/short; those that are there are not made again. The clips of a
# noise are removed when its models are done, unless KEEP is set. WORK and FORESEE are those of physics.sh. Seed 1 if
# none is named.
#
#   foresee report physics docs/results/physics/short --clips 6000
set -euo pipefail
cd "$(dirname "$0")/.."
export CLIPS=6000 USUAL=6000 NULLS=0 QUADS=100 DRAW=1
export WORK=${WORK:-${TMPDIR:-/tmp}/foresee-physics-short} RESULTS=${RESULTS:-docs/results/physics/short}
steps=(--set train.latents.steps=500 --set train.minutes=0)
for noise in 0 1 2 7 3 4 5 6; do
    kinds=(jepa pixels learnt)
    if [ "$noise" = 0 ]; then kinds+=(components no-memory sigreg); fi
    for seed in "${@:-1}"; do
        for kind in "${kinds[@]}"; do
            usual=(--set train.usual.steps=500)
            if [ "$kind" = no-memory ]; then usual=(); fi # it has none
            if ! [ -e "$RESULTS/$kind.n$noise.s$seed.json" ]; then
                scripts/physics.sh "$kind" "$seed" "N$noise" "${steps[@]}" ${usual[@]+"${usual[@]}"}
            fi
        done
    done
    if [ -z "${KEEP:-}" ]; then rm -rf "$WORK/clips.n$noise.$CLIPS"; fi
done
for clips in 94 375 1500 24000; do
    for seed in "${@:-1}"; do
        for kind in jepa pixels; do
            if ! [ -e "$RESULTS/$kind.n0.s$seed.e$clips.json" ]; then
                CLIPS=$clips scripts/physics.sh "$kind" "$seed" N0 "${steps[@]}" --set train.usual.steps=500
            fi
        done
    done
    if [ -z "${KEEP:-}" ]; then rm -rf "$WORK/clips.n0.$clips"; fi
done
