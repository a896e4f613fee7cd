//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package data

import (
	"errors"
	"os"
	"strings"
)

// tryLock takes no lock: only the one that is being made counts as free, so
// that abandoned folders stay.
func tryLock(f *os.File) bool { return strings.HasSuffix(f.Name(), youngLock) }

// dropLock removes the lock file.
func dropLock(path string, f *os.File) error {
	return errors.Join(f.Close(), os.Remove(path))
}

// syncDir does nothing: folders cannot be synced here.
func syncDir(string) error { return nil }
