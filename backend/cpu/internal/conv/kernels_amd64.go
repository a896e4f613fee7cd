package conv

import "foresee/backend/cpu/internal/isa"

//go:generate go -C ../asmgen run ./conv -isa avx512 -tables ../conv/avx512_tables_amd64.go -out ../conv/avx512_amd64.s -stubs ../conv/avx512_amd64.go -pkg conv
//go:generate go -C ../asmgen run ./conv -isa avx2 -tables ../conv/avx2_tables_amd64.go -out ../conv/avx2_amd64.s -stubs ../conv/avx2_amd64.go -pkg conv

// minTiles is where Winograd's algorithm begins to pay, some 4,000 pixels.
const minTiles = 448

// minTap is how many weights of a tap, Cin·Cout, it takes with AVX-512: with 16 channels on both sides the direct way is as
// fast as it can be and the transforms, whose planes go through the second-level cache, cost what they save. With AVX2, measured
// on the same machine, the fast way takes 0.45 to 0.8 of the direct one's time from 16 channels a side on.
const minTap = 512

// available returns the kernel sets that this processor runs, fastest first.
func available() []*kernels {
	sets := []*kernels{portable()}
	if isa.Best() >= isa.AVX2 {
		k := &kernels{name: "avx2", lanes: 8, vecs: 2, winogradTiles: minTiles}
		fill256(k)
		sets = append([]*kernels{k}, sets...)
	}
	if isa.Best() >= isa.AVX512 {
		k := &kernels{name: "avx512", lanes: 16, vecs: 3, narrow: sets[0], winogradTiles: minTiles, winogradTap: minTap}
		fill512(k)
		sets = append([]*kernels{k}, sets...)
	}
	return sets
}
