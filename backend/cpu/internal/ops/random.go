package ops

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// RandomBits fills out with n bytes drawn by Philox 4x32-10 from the state [3]: key, and a
// 128-bit counter, and writes to next the state with the counter advanced by the 16-byte
// blocks used. Equal states give equal bits, whatever n.
//
// Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
// section 3.3.
func RandomBits(next, state, out unsafe.Pointer, n int) {
	s := *(*[3]uint64)(state)
	dst := Of[byte](out, n)
	var block [16]byte
	for len(dst) > 0 {
		philox(&block, s[0], s[1], s[2])
		dst = dst[copy(dst, block[:]):]
		var carry uint64
		s[1], carry = bits.Add64(s[1], 1, 0)
		s[2] += carry
	}
	*(*[3]uint64)(next) = s
}

func philox(out *[16]byte, key, lo, hi uint64) {
	c := [4]uint32{uint32(lo), uint32(lo >> 32), uint32(hi), uint32(hi >> 32)}
	k0, k1 := uint32(key), uint32(key>>32)
	for range 10 {
		h0, l0 := bits.Mul32(0xD2511F53, c[0])
		h1, l1 := bits.Mul32(0xCD9E8D57, c[2])
		c = [4]uint32{h1 ^ c[1] ^ k0, l1, h0 ^ c[3] ^ k1, l0}
		k0 += 0x9E3779B9
		k1 += 0xBB67AE85
	}
	for i, v := range c {
		binary.LittleEndian.PutUint32(out[4*i:], v)
	}
}
