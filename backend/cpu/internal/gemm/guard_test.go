package gemm_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// guarded copies s to the end of a page that an unreadable one follows, and to the start of a
// readable one that follows an unreadable one if it fills whole pages: reading over the end faults.
// The memory is never given back; tests use little of it.
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
