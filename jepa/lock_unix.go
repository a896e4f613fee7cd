//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package jepa

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// lock takes the exclusive lock of an open file, errBusy if another has it. It
// ends with the file, or with the process.
func lock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return errBusy
	}
	return err
}

// unlock removes a locked file, then ends its lock.
func unlock(f *os.File, path string) error { return errors.Join(os.Remove(path), f.Close()) }
