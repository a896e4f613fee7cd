//go:build unix

package data

import (
	"os"

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
