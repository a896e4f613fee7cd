// Package isa names the instruction sets that the kernels of backend/cpu are written for.
package isa

import "slices"

// Level is an instruction set.
type Level int

// The levels, slowest first for each processor.
const (
	Portable Level = iota // plain Go
	AVX2                  // AVX2 and FMA
	AVX512                // AVX-512 F, VL, BW and DQ
	NEON                  // Advanced SIMD of arm64, which all have
)

// Levels returns the levels of this machine, slowest first.
func Levels() []Level { return append([]Level{Portable}, archLevels()...) }

// Best returns the fastest level of this machine.
func Best() Level {
	all := Levels()
	return all[len(all)-1]
}

// Has reports whether this machine has a level.
func Has(l Level) bool { return slices.Contains(Levels(), l) }

// String returns "portable", "avx2", "avx512" or "neon".
func (l Level) String() string { return [...]string{"portable", "avx2", "avx512", "neon"}[l] }
