package eval

import "hash/fnv"

// Seed maps a user's seed to the one that a purpose, such as "plan/success",
// uses. Spaces of two purposes have nothing in common.
func Seed(purpose string, seed uint64) uint64 {
	h := fnv.New64a()
	h.Write([]byte("foresee/eval/" + purpose))
	return mix(h.Sum64() ^ mix(seed))
}

// mix is the SplitMix64 finaliser.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
