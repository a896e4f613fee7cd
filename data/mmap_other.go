//go:build !unix

package data

import (
	"io"
	"os"
)

// mapFile returns the bytes of f, size of them, read into memory.
func mapFile(f *os.File, size int) ([]byte, func() error, error) {
	b := make([]byte, size)
	_, err := io.ReadFull(io.NewSectionReader(f, 0, int64(size)), b)
	return b, func() error { return nil }, err
}

// willNeed has nothing to do: all is in memory.
func willNeed([]byte) error { return nil }
