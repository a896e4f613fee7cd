#!/usr/bin/env bash
# One model of the physics table, from nothing to its document:
#
#   physics.sh KIND SEED NOISE [flags of foresee train]
#
# collects possible clips with NOISE (N0 to N7, or N3l4 for level 4), trains KIND with SEED on them and writes
# docs/results/physics/KIND.nN.sSEED.json; foresee report physics puts those together. KIND is jepa, learnt (its
# encoder learns, by VICReg), sigreg (by the other regularizer), components (principal components of pixels in place of an
# encoder), pixels (the pixel twin: same trunk, memory and steps, predicting pixels) or no-memory, all with the
# preset's texture; another name is a label for a model that the flags make. A killed run continues where it was.
#
#   FORESEE=./foresee   the program               CLIPS=72000   clips to learn from, 28 GB; another number goes into the name
#   WORK=DIR            clips and models, kept    QUADS=100     quadruplets of a family
#   NULLS=20            nets without training     SPLITS=       splits to score too, such as "unseen-colours unseen-speeds"
#   PRESET=physics      preset of foresee train   RESULTS=DIR   in place of docs/results/physics
#   USUAL=72000         number of clips that the name leaves out
#   PLAIN=1             clips of the plain setting, see foresee collect physics --plain
#   DRAW=2              seed of the quadruplets: models are chosen on those of 1, never on those of 2
set -euo pipefail
if [ $# -lt 3 ]; then
    sed -n '2,20s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
kind=$1 seed=$2 noise=$3
shift 3
if ! [[ $noise =~ ^N([0-7])(l([1-4]))?$ ]]; then
    echo "physics.sh: noise $noise: want N0 to N7, or N3l4 for level 4" >&2
    exit 2
fi
number=${BASH_REMATCH[1]} level=${BASH_REMATCH[3]:-2}
foresee=${FORESEE:-foresee} work=${WORK:-${TMPDIR:-/tmp}/foresee-physics} clips=${CLIPS:-72000}
results=${RESULTS:-$(dirname "$0")/../docs/results/physics}

variant=()
set_() { for field; do variant+=(--set "$field"); done; }
no_vicreg=(train.pixels.weights.std=0 train.pixels.weights.cov=0)
case $kind in
learnt) set_ train.pixels.steps=50 ;;
sigreg) set_ train.pixels.steps=50 "${no_vicreg[@]}" train.pixels.weights.sigreg=10 train.pixels.slices=16 ;;
components) set_ model.encoder.{channels,kernels,strides}=[] ;;
pixels) set_ "${no_vicreg[@]}" train.pixels.target=pixels model.predictor.{target=pixels,copy=false} ;;
no-memory) set_ model.predictor.{window=1,carry=false,copy=false,excess=0,usual=0} train.usual.steps=0 ;;
esac

setting=n$number world=(--noise "N$number" --level "$level")
if [ "$number" != 0 ] && [ "$level" != 2 ]; then setting=${setting}l$level; fi
if [ -n "${PLAIN:-}" ]; then setting=$setting.plain world+=(--plain); fi
extra=
if [ "$clips" != "${USUAL:-72000}" ]; then extra=.e$clips; fi
data=clips.$setting.$clips model=$kind.$setting.s$seed$extra
mkdir -p "$work" "$results"
results=$(cd "$results" && pwd) foresee=$(realpath "$(command -v "$foresee")")
cd "$work" # a document names its command, which so names no folder of this machine
if ! [ -e "$data" ]; then
    "$foresee" collect physics -o "$data" --episodes "$clips" "${world[@]}" --seed 1
fi
"$foresee" train -d "$data" -o "$model" --preset "${PRESET:-physics}" --seed "$seed" ${variant[@]+"${variant[@]}"} "$@"
for split in seen ${SPLITS:-}; do
    name=$kind.$setting.s$seed
    if [ "$split" != seen ]; then name=$name.$split; fi
    "$foresee" eval surprise -m "$model" --quads "${QUADS:-100}" --nulls "${NULLS:-20}" "${world[@]}" \
        --split "$split" --seed "${DRAW:-2}" -o "$name$extra.json" >/dev/null
    mv "$name$extra.json" "$results/"
    echo "$results/$name$extra.json"
done
