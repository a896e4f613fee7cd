//go:build unix

package attention_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// guarded copies s to the end of a page before an unreadable one, so that reading or writing past
// it faults. The pages stay mapped.
func guarded(s []float32) []float32 {
	const page = 4096
	if len(s) == 0 {
		return s
	}
	size := (4*len(s) + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return s
	}
	if err := unix.Mprotect(mem[size:], unix.PROT_NONE); err != nil {
		return s
	}
	g := unsafe.Slice((*float32)(unsafe.Pointer(&mem[size-4*len(s)])), len(s))
	copy(g, s)
	return g
}
