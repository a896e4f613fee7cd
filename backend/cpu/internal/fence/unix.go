//go:build unix

package fence

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// AtEnd returns a copy of s that ends at an unreadable page, so that reading or writing past it faults; s itself if it has no
// bytes. T must hold no pointers: the collector does not see the copy, whose pages stay mapped. It panics if the system
// gives none. On a system that is no unix it returns s.
func AtEnd[T any](s []T) []T {
	size := len(s) * int(unsafe.Sizeof(*new(T)))
	if size == 0 {
		return s
	}
	page := unix.Getpagesize()
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
