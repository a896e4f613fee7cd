#!/usr/bin/env bash
# Runs the tests of backend/cpu that touch NEON kernels on an emulated arm64: cross-compiles them
# and runs them under qemu-user. On an arm64 machine it runs them as they are. Correctness only:
# what an emulator takes says nothing about the processor.
# Usage: scripts/arm64-tests.sh, from anywhere. Needs qemu-aarch64-static (Debian: qemu-user-static).
set -euo pipefail
cd "$(dirname "$0")/../backend/cpu"
emulator=()
if [ "$(go env GOHOSTARCH)" != arm64 ]; then
    emulator=(qemu-aarch64-static)
    command -v "${emulator[0]}" >/dev/null || { echo "qemu-aarch64-static is missing: install qemu-user-static" >&2; exit 1; }
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOARCH=arm64 CGO_ENABLED=0

# The tag leaves out the benchmarks that load OpenBLAS, which an emulator has not.
GOFLAGS="" go vet -tags static ./internal/gemm ./internal/vec
run() { # PACKAGE [TEST FLAGS...]: fails if no test runs
    local package=$1
    shift
    go test -tags static -c -o "$work/test" "./$package"
    (cd "$package" && "${emulator[@]}" "$work/test" -test.v "$@") >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    local passed
    passed=$(grep -c '^--- PASS' "$work/log") || { echo "$package: no test ran" >&2; exit 1; }
    echo "$package: $passed tests pass on arm64"
}
run internal/isa
grep -q 'neon' "$work/log" || { echo "NEON was not chosen" >&2; exit 1; }
run internal/gemm
run internal/vec
run internal/tuned
run . -test.run '^(TestRandomGraphs|TestSumProduct|TestNarrowProducts|TestThreadsGiveSameBits|TestPoolGradients)$'
