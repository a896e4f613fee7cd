package jepa

import (
	"errors"
	"os"

	win "golang.org/x/sys/windows"
)

// lock takes the exclusive lock of an open file, errBusy if another has it: of
// one byte far behind its end, since Windows lets nobody else read what is
// locked. It ends with the file, or with the process.
func lock(f *os.File) error {
	behind := &win.Overlapped{OffsetHigh: 1}
	err := win.LockFileEx(win.Handle(f.Fd()), win.LOCKFILE_EXCLUSIVE_LOCK|win.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, behind)
	if errors.Is(err, win.ERROR_LOCK_VIOLATION) {
		return errBusy
	}
	return err
}

// unlock ends the lock of a file and removes it, unless another opened it since:
// an open file cannot be removed here, and it is that one's now.
func unlock(f *os.File, path string) error {
	err := f.Close()
	if remove := os.Remove(path); !errors.Is(remove, win.ERROR_SHARING_VIOLATION) && !errors.Is(remove, os.ErrNotExist) {
		err = errors.Join(err, remove)
	}
	return err
}
