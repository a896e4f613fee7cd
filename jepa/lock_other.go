//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly || windows)

package jepa

import (
	"errors"
	"os"
)

// lock takes no lock: this system has none that ends with the process, and one
// that outlives a kill would keep its run from being resumed.
func lock(*os.File) error { return nil }

func unlock(f *os.File, path string) error { return errors.Join(f.Close(), os.Remove(path)) }
