package report

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// ReplaceFile makes text the content of the file at path, as Replace does.
func ReplaceFile(path string, text []byte) error {
	return Replace(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// Replace makes what write writes the content of the file at path: written to a
// temporary name in its folder, synced, then renamed, so that it appears whole or
// not at all. On an error, which names path, nothing is left of it and path is as it
// was. The temporary name begins with ".tmp-", which no command takes for somebody's
// file.
func Replace(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-"+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if err = write(f); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
