package data

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// CheckOutput reports whether a dataset may be written to folder dir: it must
// not exist, or be an empty folder, or, with replace, hold a dataset. The error
// names what is in the way, not the folder.
func CheckOutput(dir string, replace bool) error {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(entries) == 0:
		return nil
	case !isDataset(dir):
		return fmt.Errorf("the folder already holds something else (%s): choose another one", entries[0].Name())
	case !replace:
		return errors.New("the folder already holds a dataset: choose another one, or ask to overwrite it")
	}
	return nil
}

// isDataset reports whether a folder holds nothing but a dataset: a readable
// meta.json and .npy files.
func isDataset(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, metaFile))
	if err != nil {
		return false
	}
	if _, err := DecodeMeta(text); err != nil {
		return false
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false
	}
	for _, e := range entries {
		if e.Name() != metaFile && (e.IsDir() || filepath.Ext(e.Name()) != ".npy") {
			return false
		}
	}
	return true
}

// tempDir is a temporary folder beside the one it will become. Its lock file is
// locked while its owner lives, so that an abandoned one can be told from one in
// use.
type tempDir struct {
	path string
	lock *os.File
}

// youngLock ends the name of a lock file that is not held yet.
const youngLock = ".new"

// mkdirUnique makes a folder whose path starts with prefix. os.MkdirTemp would
// keep everyone but the owner out of the finished dataset.
func mkdirUnique(prefix string) (string, error) {
	for i := 0; ; i++ {
		path := fmt.Sprintf("%s%d-%d", prefix, os.Getpid(), i)
		if err := os.Mkdir(path, 0o777); !errors.Is(err, os.ErrExist) {
			return path, err
		}
	}
}

// newTempDir makes the temporary folder for target and its missing parents, and
// removes those that writers for the same target left when they were killed.
func newTempDir(target string) (*tempDir, error) {
	parent, prefix := filepath.Dir(target), ".tmp-"+filepath.Base(target)+"-"
	if err := os.MkdirAll(parent, 0o777); err != nil {
		return nil, err
	}
	removeAbandoned(parent, prefix)
	path, err := mkdirUnique(filepath.Join(parent, prefix))
	if err != nil {
		return nil, err
	}
	t := &tempDir{path: path}
	// The lock gets its name only once it is held, or another writer could take
	// the folder for abandoned in between.
	young := filepath.Join(path, lockFile+youngLock)
	if t.lock, err = os.OpenFile(young, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666); err != nil {
		return nil, errors.Join(err, t.remove())
	}
	if !tryLock(t.lock) {
		return nil, errors.Join(errors.New("cannot lock "+young), t.remove())
	}
	if err := os.Rename(young, filepath.Join(path, lockFile)); err != nil {
		return nil, errors.Join(err, t.remove())
	}
	return t, nil
}

// removeAbandoned removes temporary folders whose owner is gone. Failing to is
// no reason not to write.
func removeAbandoned(parent, prefix string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if name := e.Name(); !e.IsDir() || len(name) < len(prefix) || name[:len(prefix)] != prefix {
			continue
		}
		path := filepath.Join(parent, e.Name())
		f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR, 0)
		if err != nil {
			continue
		}
		if tryLock(f) {
			os.RemoveAll(path)
		}
		f.Close()
	}
}

// remove deletes the folder and releases its lock.
func (t *tempDir) remove() error {
	if t.lock != nil {
		t.lock.Close()
	}
	return os.RemoveAll(t.path)
}

// publish gives the folder its final name. CheckOutput has allowed it.
func (t *tempDir) publish(target string) error {
	if err := dropLock(filepath.Join(t.path, lockFile), t.lock); err != nil {
		return err
	}
	if err := syncDir(t.path); err != nil {
		return err
	}
	err := os.Remove(target) // an empty folder; one that holds a dataset stays
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = os.Rename(t.path, target)
	} else {
		err = swapDirs(t.path, target)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(target))
}

// swapByRename is the portable swapDirs: for a moment neither is at target.
func swapByRename(fresh, target string) error {
	old := fresh + ".old"
	if err := os.Rename(target, old); err != nil {
		return err
	}
	if err := os.Rename(fresh, target); err != nil {
		return errors.Join(err, os.Rename(old, target))
	}
	return os.RemoveAll(old)
}

// writeSynced writes a file and brings it to disk.
func writeSynced(path string, content []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
