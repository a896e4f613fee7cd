package data

import (
	"math/bits"
	"math/rand/v2"
)

// permutation is a keyed permutation of [0, n) that needs no memory: a balanced
// Feistel network over the next even number of bits, walked until it lands in
// range (at most 4 walks on average).
//
// Source: Black, Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002,
// sections 3 (cycle walking) and 4 (Feistel). The round function is ours.
type permutation struct {
	n    uint64
	half uint
	keys [6]uint64
}

// minHalf keeps the network wide enough for orders of few items to be uniform:
// over 2 bits a side, chi-square of the orders of 5 items was 566 instead of 119.
const minHalf = 4

// newPermutation returns the permutation of [0, n), n >= 1, for a seed and an
// epoch.
func newPermutation(n, seed, epoch uint64) permutation {
	p := permutation{n: n, half: max(minHalf, uint(bits.Len64(n-1)+1)/2)}
	rng := rand.NewPCG(seed, epoch)
	for i := range p.keys {
		p.keys[i] = rng.Uint64()
	}
	return p
}

// at returns where the permutation takes i, i < n.
func (p permutation) at(i uint64) uint64 {
	mask := uint64(1)<<p.half - 1
	for {
		left, right := i>>p.half, i&mask
		for _, key := range p.keys {
			left, right = right, left^mix64(right^key)&mask
		}
		if i = left<<p.half | right; i < p.n {
			return i
		}
	}
}

// mix64 scrambles 64 bits.
//
// Source: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators",
// OOPSLA 2014, figure 17, with the constants of Stafford's variant 13.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// below maps 64 random bits to [0, n).
func below(random, n uint64) uint64 {
	hi, _ := bits.Mul64(random, n)
	return hi
}
