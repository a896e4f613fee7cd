//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package data

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock takes the exclusive lock of an open file, false if another holds it.
// It ends with the file, or with the process.
func tryLock(f *os.File) bool {
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

// dropLock removes a locked file; while it exists it stays locked.
func dropLock(path string, f *os.File) error {
	return errors.Join(os.Remove(path), f.Close())
}

// syncDir brings the entries of a folder to disk.
func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
