package jepa

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// LockFile names the file that marks a model folder in which a process trains.
// It holds the process's number. The operating system ends the lock with the
// process, however that ends; a file that a kill left locks nothing.
const LockFile = "train.lock"

// ErrLocked is wrapped by the error of LockFolder when another holds the folder.
var ErrLocked = errors.New("another process trains in it")

// errBusy says that the lock of a file is taken.
var errBusy = errors.New("the file is locked")

// LockFolder makes model folder dir if needed and takes it for one training;
// release ends that, once. While another process, or another caller in this one,
// holds dir, the error wraps ErrLocked and names the other's pid.
func LockFolder(dir string) (release func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("jepa: lock: %w", err)
	}
	path := filepath.Join(dir, LockFile)
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, fmt.Errorf("jepa: lock: %w", err)
		}
		held, err := holds(f, path)
		if err == nil && held {
			err = writePID(f)
		}
		if err == nil && held {
			return func() error { return unlock(f, path) }, nil
		}
		owner, _ := os.ReadFile(path)
		err = errors.Join(err, f.Close())
		switch {
		case errors.Is(err, errBusy):
			return nil, fmt.Errorf("jepa: folder %s: %w (pid %s); stop that one, wait for it, or choose another -o",
				dir, ErrLocked, pidText(owner))
		case err != nil:
			return nil, fmt.Errorf("jepa: folder %s: lock: %w", dir, err)
		}
	}
}

// holds locks f and reports whether it still is the file at path: the run
// before may have removed that one as it ended.
func holds(f *os.File, path string) (bool, error) {
	if err := lock(f); err != nil {
		return false, err
	}
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, there), err
}

func writePID(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func pidText(raw []byte) string {
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return "not known"
	}
	return strconv.Itoa(pid)
}
