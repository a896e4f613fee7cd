#!/usr/bin/env bash
# Runs GoMLX's own tests with backend/cpu: gomlx-tests.sh [PACKAGE...], by default
# core/graph, ml/nn, ml/model, ml/train and ml/layers with what is below them. Copies the
# module that go.mod pins to a temporary folder, where backends/default imports our backend
# instead of its own; needs that module's test dependencies. Prints every test that does not
# pass with the first line that says why, and fails if one fails for another reason than an
# operation or type that backend/cpu/doc.go leaves out.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$root"
source=$(go mod download -json github.com/gomlx/gomlx@"$(go list -m -f '{{.Version}}' github.com/gomlx/gomlx)" | sed -n 's/.*"Dir": "\(.*\)",/\1/p')
cp -r "$source" "$work/gomlx"
chmod -R u+w "$work/gomlx"
rm "$work"/gomlx/backends/default/*.go
cat >"$work/gomlx/backends/default/default.go" <<'GO'
// Package _default registers foresee's CPU backend.
package _default

import _ "foresee/backend/cpu"
GO
# The tests install XLA themselves, whatever the environment says.
sed -i -e 's|xla\.AutoInstall()|error(nil)|' -e 's|"github.com/gomlx/go-xla/compute/xla"|_ "foresee/backend/cpu"|' \
    "$work/gomlx/support/testutil/testutil.go" "$work/gomlx/core/graph/graph_test.go"
(cd "$work" && go work init "$root" ./gomlx)

packages=("$@")
if [ ${#packages[@]} -eq 0 ]; then
    packages=(core/graph ml/nn ml/model ml/train ml/layers)
fi
patterns=()
for p in "${packages[@]}"; do
    [ -d "$work/gomlx/$p" ] && patterns+=("./$p/...")
done
cd "$work/gomlx"
export GOWORK=$work/go.work GOFLAGS=-mod=readonly GOMLX_BACKEND=cpu GOMLX_NO_AUTO_INSTALL=1
/usr/bin/python3 - "${patterns[@]}" <<'PY'
import collections, json, re, subprocess, sys

# What the package documentation of backend/cpu leaves out.
known = re.compile(r"not implemented|NotImplemented|[Cc]omplex|FFT|U?[Ii]nt[24]\b|sub-byte|packed|dynamic (axes|shape)")
text, result = collections.defaultdict(list), {}

def run(patterns, skip):
    """Tests the patterns; returns the packages that a test's panic ended, with that test."""
    command = ["go", "test", "-tags", "noxla", "-count=1", "-json"]
    if skip:
        command.append("-skip=" + "|".join("/".join("^" + re.escape(p) + "$" for p in t.split("/")) for t in skip))
    out = subprocess.run(command + patterns, stdout=subprocess.PIPE, text=True).stdout
    failed, ended = collections.defaultdict(list), set()
    for line in out.splitlines():
        try:
            e = json.loads(line)
        except ValueError:
            continue
        key = (e.get("Package") or e.get("ImportPath", ""), e.get("Test", ""))
        if e["Action"] in ("output", "build-output"):
            text[key].append(e["Output"].rstrip())
            if e["Output"].startswith("panic: "):
                ended.add(key[0])
        elif e["Action"] in ("pass", "fail", "skip"):
            if e["Action"] == "fail" and key[1]:
                failed[key[0]].append(key[1])
            if result.get(key) != "fail":
                result[key] = e["Action"]
    return {p: failed[p] for p in ended if failed[p]}

def leaves(tests):
    return [t for t in tests if not any(o.startswith(t + "/") for o in tests)]

again = run(sys.argv[1:], [])
for package, tests in again.items():
    skip = []
    while tests and len(skip) < 50:
        skip += leaves(tests)
        tests = run([package], skip).get(package)

by_package = collections.defaultdict(list)
for (package, test), r in result.items():
    if r == "fail":
        by_package[package].append(test)
unknown = 0
for package, tests in sorted(by_package.items()):
    named = [t for t in tests if t] or [""]
    for t in sorted(leaves(named)):
        said = [s.strip() for up in (t, t.split("/")[0]) for s in text[package, up]]
        said = [s for s in said if s and not re.match(r"===|---|FAIL|ok |goroutine|exit status", s)]
        why = next((s for s in [*said, t] if known.search(s)), None)
        kind = "gap "
        if why is None:
            unknown += 1
            kind = "FAIL"
            why = next((s for s in said if re.search(r"panic|expected|must|cannot|not equal", s)), said[0] if said else "no output")
        print(kind, package.replace("github.com/gomlx/gomlx/", ""), t + ":", why[:200])
count = collections.Counter(r for (_, t), r in result.items() if t)
packages = collections.Counter(r for (_, t), r in result.items() if not t)
print(f"{count['pass']} tests and their parts pass, {count['skip']} are skipped, {count['fail']} fail; "
      f"packages: {packages['pass']} pass, {packages['fail']} fail, {packages['skip']} without tests")
if not count:
    sys.exit("no test ran")
if unknown:
    sys.exit(f"{unknown} failures are none of the documented gaps")
PY
