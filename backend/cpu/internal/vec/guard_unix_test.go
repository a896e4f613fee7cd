//go:build unix

package vec_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// atEnd copies s to the end of a page before an unreadable one, so that reading or writing past
// it faults. The pages stay mapped.
func atEnd[T any](s []T) []T {
	size := len(s) * int(unsafe.Sizeof(*new(T)))
	if size == 0 {
		return s
	}
	const page = 4096
	whole := (size + page - 1) / page * page
	mem, err := unix.Mmap(-1, 0, whole+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic(err)
	}
	if err := unix.Mprotect(mem[whole:], unix.PROT_NONE); err != nil {
		panic(err)
	}
	g := unsafe.Slice((*T)(unsafe.Pointer(&mem[whole-size])), len(s))
	copy(g, s)
	return g
}
