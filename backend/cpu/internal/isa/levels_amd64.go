package isa

import "golang.org/x/sys/cpu"

func archLevels() (l []Level) {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return nil
	}
	l = []Level{AVX2}
	if cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ {
		l = append(l, AVX512)
	}
	return l
}
