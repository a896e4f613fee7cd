#!/bin/sh
# Runs every generator and fails if a committed file is not what it writes.
# Usage: backend/cpu/internal/asmgen/check.sh, from anywhere.
set -eu
cd "$(dirname "$0")/../../../.."
before=$(mktemp -d)
trap 'rm -rf "$before"' EXIT
status=0
for pkg in backend/cpu/internal/*/; do
	grep -qs '^//go:generate go -C \.\./asmgen' "$pkg"*.go || continue
	mkdir -p "$before/$pkg"
	cp "$pkg"* "$before/$pkg"
	go generate "./$pkg"
	for file in "$pkg"*; do
		if ! cmp -s "$file" "$before/$file"; then
			echo "$file: go generate changes it" >&2
			cp "$file" "$before/$file.new"
			status=1
		fi
	done
done
[ $status -eq 0 ] && echo "asmgen: all generated files are reproduced"
exit $status
