package conv16

import (
	"golang.org/x/sys/cpu"

	"foresee/backend/cpu/internal/isa"
)

//go:generate go -C ../asmgen run ./conv -isa vnni -tables ../conv16/tables_amd64.go -out ../conv16/kernels_amd64.s -stubs ../conv16/stubs_amd64.go -pkg conv16

// available returns the kernel sets that this processor runs, fastest first.
func available() []*kernels {
	sets := []*kernels{portable()}
	if isa.Best() >= isa.AVX512 && cpu.X86.HasAVX512VNNI {
		k := &kernels{name: "vnni", vecs: 3}
		fill512(k)
		sets = append([]*kernels{k}, sets...)
	}
	return sets
}
