#!/usr/bin/env bash
# Runs the README's commands with small sizes: commands.sh FORESEE DIR, where
# FORESEE is the program and DIR a new folder for what they write. Fails if one
# of them fails, prints no document, or leaves files that numpy does not open.
set -euo pipefail
foresee=$1 dir=$2
mkdir -p "$dir"

# row FILE NAME: the value of a row in a document.
row() {
    /usr/bin/python3 - "$1" "$2" <<'PY'
import json, sys
rows = {r["name"]: r["value"] for r in json.load(open(sys.argv[1]))["rows"]}
if sys.argv[2] not in rows:
    sys.exit(f"{sys.argv[1]} has no row {sys.argv[2]}, only {sorted(rows)}")
print(sys.argv[2], rows[sys.argv[2]])
PY
}

# has COMMAND: whether the program has a command.
has() { "$foresee" --help | grep -qE "^ +$1( |$)"; }

"$foresee" --version

"$foresee" collect tworooms -o "$dir/rooms" --episodes 20 --size 33 --json >"$dir/collect.json"
row "$dir/collect.json" collect/tworooms/frames
"$foresee" inspect "$dir/rooms" --json --sheet "$dir/sheet.png" >"$dir/inspect.json"
row "$dir/inspect.json" inspect/dataset/steps
test -s "$dir/sheet.png"

/usr/bin/python3 - "$dir/rooms" <<'PY'
import json, sys
import numpy as np
d = sys.argv[1]
meta = json.load(open(f"{d}/meta.json"))
load = lambda name: np.load(f"{d}/{name}.npy", mmap_mode="r")
pixels, action, state = load("pixels"), load("action"), load("state")
length, offset = load("ep_len"), load("ep_offset")
f = meta["frame"]
assert pixels.shape == (meta["steps"], f["height"], f["width"], f["channels"]) and pixels.dtype == np.uint8
assert action.shape == (meta["steps"], 2) and action.dtype == np.float32
assert (offset == np.concatenate([[0], np.cumsum(length)[:-1]])).all() and length.sum() == meta["steps"]
assert (action[offset + length - 1] == 0).all(), "the last action of an episode is not 0"
y, x = np.unravel_index(pixels[5, :, :, 0].argmax(), pixels.shape[1:3])
assert abs(2 * np.array([x, y]) - state[5]).max() <= 1.5, "the dot is not where the state says"
print("numpy opens the dataset:", pixels.shape, action.shape)
PY

"$foresee" collect physics -o "$dir/physics" --episodes 40 --every 2 --noise N1 --json >"$dir/physics.json"
row "$dir/physics.json" collect/physics/frames

"$foresee" train -d "$dir/physics" -o "$dir/expects" --preset video --steps 2 --set train.stop_on_collapse=false --set train.pixels.batch=4 --json >"$dir/expects.json"
"$foresee" collect physics --quads 1 --families colour,gravity -o "$dir/quads" --json >"$dir/quads.json"
"$foresee" eval surprise -m "$dir/expects" --quads 1 --families colour,gravity --nulls 1 -o "$dir/runs/video.n0.s1.json" >/dev/null
FORESEE=$foresee WORK=$dir/study RESULTS=$dir/study.results CLIPS=40 QUADS=1 NULLS=0 "$(dirname "$0")/physics.sh" learnt 1 N1 --set train.pixels.steps=2 --set train.latents.steps=2 --set train.usual.steps=2
test -s "$dir/study.results/learnt.n1.s1.e40.json"
PLAIN=1 FORESEE=$foresee WORK=$dir/study RESULTS=$dir/study.plain CLIPS=40 USUAL=40 QUADS=1 NULLS=0 "$(dirname "$0")/physics.sh" jepa 1 N0 --set train.latents.steps=2 --set train.usual.steps=2
"$foresee" report physics "$dir/study.plain" --json >"$dir/plain.json"
row "$dir/plain.json" physics/jepa/n0.plain/prefix
"$foresee" report physics "$dir/runs" -o "$dir/physics.html" --json >"$dir/report.json"
test -s "$dir/physics.html"
"$foresee" eval surprise -m "$dir/expects" --clips "$dir/quads" --nulls 0 --json >"$dir/clips.json"
row "$dir/runs/video.n0.s1.json" surprise/mean/prefix
row "$dir/report.json" physics/video/n0/null
row "$dir/clips.json" surprise/colour/suffix
row "$dir/clips.json" null/frame-difference/prefix
"$foresee" train -d "$dir/physics" -o "$dir/remembers" --preset physics --set train.pixels.steps=2 --set train.latents.steps=3 --json >"$dir/remembers.json"
row "$dir/remembers.json" train/latents/ahead_2
"$foresee" eval surprise -m "$dir/remembers" --clips "$dir/quads" --nulls 1 --json >"$dir/remembered.json"
row "$dir/remembered.json" surprise/mean/prefix

if has import; then
    ffmpeg -v error -f lavfi -i testsrc=size=96x64:rate=10:duration=3 -pix_fmt yuv420p "$dir/test.mp4"
    "$foresee" import "$dir/test.mp4" -o "$dir/video" --size 32 --fps 5 --json >"$dir/import.json"
    "$foresee" inspect "$dir/video" --json >"$dir/inspect-video.json"
    row "$dir/inspect-video.json" inspect/dataset/steps
    ffmpeg -v error -f lavfi -i testsrc2=size=96x64:rate=5:duration=40 -pix_fmt yuv420p "$dir/long.mp4"
    "$foresee" train -d "$dir/video" -o "$dir/camera" --preset video --steps 2
    "$foresee" calibrate -m "$dir/camera" "$dir/long.mp4" --budget 6/hour --json >"$dir/calibrate.json"
    row "$dir/calibrate.json" calibrate/whole/threshold
    "$foresee" watch -m "$dir/camera" "$dir/long.mp4" --alarms "$dir/alarms" >"$dir/watch.jsonl"
    test "$(wc -l <"$dir/watch.jsonl")" = 200
    test -s "$dir/alarms/index.html"
fi

"$foresee" collect plant quadtank -o "$dir/tank.csv" --days 0.5 --json >"$dir/tank.json"
"$foresee" collect plant quadtank -o "$dir/leak.csv" --days 0.3 --seed 2 --fault leak --after 4h --json >"$dir/leak.json"
"$foresee" train -d "$dir/tank.csv" -o "$dir/tank" --inputs v1,v2 --json >"$dir/tank-train.json"
"$foresee" calibrate -m "$dir/tank" "$dir/tank.csv" --budget 6/hour --json >"$dir/tank-calibrate.json"
"$foresee" watch -m "$dir/tank" - <"$dir/leak.csv" >"$dir/leak.jsonl"
grep -q '"alarm":true' "$dir/leak.jsonl"
"$foresee" eval watch --plants --plant bearing --days 3 --runs 1 --json >"$dir/plants.json"
row "$dir/plants.json" watch/plants/bearing/alarms_per_day
"$foresee" eval watch --street --work "$dir/street" --steps 2 --hours 0.05 --json >"$dir/street.json"
row "$dir/street.json" watch/street/false_alarms

"$foresee" bench sgemm --json >"$dir/sgemm.json"
row "$dir/sgemm.json" bench/sgemm/1024/gflops
row "$dir/sgemm.json" bench/sgemm/1024/openblas

if has demo; then
    timeout 600 "$foresee" demo --quick -o "$dir/demo" --json >"$dir/demo.json"
    for name in plan/tworooms/success plan/tworooms/floor/random plan/tworooms/floor/greedy plan/tworooms/oracle \
        surprise/teleport/auroc; do
        row "$dir/demo.json" "$name"
    done
    test -s "$dir/demo/report.html"
fi

# Every row that was printed stands in docs/figures.md.
/usr/bin/python3 - "$(dirname "$0")/../docs/figures.md" "$dir"/*.json <<'PY'
import json, re, sys
known = re.findall(r"^\| `([a-z][^`]*)` \|", open(sys.argv[1]).read(), re.M)
known = [re.compile(re.sub(r"<[a-z]+>", "[^/]+", re.escape(k).replace(r"\<", "<").replace(r"\>", ">")) + "$") for k in known]
rows = [(f, r["name"]) for f in sys.argv[2:] for r in json.load(open(f))["rows"]]
unknown = [f"{f}: {name}" for f, name in rows if not any(k.match(name) for k in known)]
print(len(rows), "rows,", len(known), "names in docs/figures.md")
if unknown or not rows:
    sys.exit("not in docs/figures.md:\n" + "\n".join(unknown))
PY

# Ctrl-C: the program says so, fails, and leaves nothing half-written.
"$foresee" collect tworooms -o "$dir/interrupted" --episodes 100000 2>"$dir/interrupted.log" &
sleep 1
kill -INT $!
code=0
wait $! || code=$?
grep -q interrupted "$dir/interrupted.log"
test "$code" = 1
test -z "$(find "$dir" -maxdepth 1 -name '*interrupted*' -not -name '*.log')"
echo "all commands ran"
