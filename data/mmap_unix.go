//go:build unix

package data

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapFile returns the bytes of f, size of them, and what releases them. The
// bytes are a read-only mapping: writing to them kills the process.
func mapFile(f *os.File, size int) ([]byte, func() error, error) {
	if size == 0 {
		return nil, func() error { return nil }, nil
	}
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		return nil, nil, os.NewSyscallError("mmap", err)
	}
	return b, func() error { return unix.Munmap(b) }, nil
}

// willNeed asks the system to read the pages of b, a part of what mapFile returned, before they are touched.
func willNeed(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	start := unsafe.Pointer(unsafe.SliceData(b))
	before := int(uintptr(start) % uintptr(os.Getpagesize()))
	pages := unsafe.Slice((*byte)(unsafe.Add(start, -before)), len(b)+before)
	return os.NewSyscallError("madvise", unix.Madvise(pages, unix.MADV_WILLNEED))
}
