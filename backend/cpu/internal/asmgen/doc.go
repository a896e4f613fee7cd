// Package asmgen is the home of the programs that write the assembly of backend/cpu.
//
// It is a module of its own, so that avo is no dependency of foresee; neon, for arm64, writes its
// text itself. Each folder is one program and writes one .s file with its stubs; the go:generate
// lines stand in the package that owns the files. check.sh runs them all and fails if a committed file changes.
package asmgen
