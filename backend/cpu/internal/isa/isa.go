// Package isa names the instruction sets that the kernels of backend/cpu are written for.
package isa

import "golang.org/x/sys/cpu"

// Level is an instruction set; a machine that has one has all lower ones.
type Level int

// The levels, slowest first.
const (
	Portable Level = iota // plain Go
	AVX2                  // AVX2 and FMA
	AVX512                // AVX-512 F, VL, BW and DQ
)

// Best returns the highest level of this machine.
func Best() Level {
	switch {
	case cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ &&
		cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return AVX512
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		return AVX2
	}
	return Portable
}

// String returns "portable", "avx2" or "avx512".
func (l Level) String() string { return [...]string{"portable", "avx2", "avx512"}[l] }
