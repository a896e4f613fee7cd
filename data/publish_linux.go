package data

import (
	"os"

	"golang.org/x/sys/unix"
)

// swapDirs puts fresh in the place of target, in one atomic step where the file
// system can, and deletes what was there.
func swapDirs(fresh, target string) error {
	if err := unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, target, unix.RENAME_EXCHANGE); err != nil {
		return swapByRename(fresh, target)
	}
	return os.RemoveAll(fresh)
}
