package watch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"foresee/jepa"
)

// Fingerprint identifies the model in a folder by all that its scores depend on: the
// first 32 hexadecimal digits of the SHA-256 of
//
//	name, length in bytes, content   of config.json, normalizer.json, weights.safetensors
//
// A step of training changes it; a copy of the folder has the same.
func Fingerprint(dir string) (string, error) {
	sum := sha256.New()
	for _, name := range []string{jepa.ConfigFile, jepa.NormalizerFile, jepa.WeightsFile} {
		if err := addFile(sum, dir, name); err != nil {
			return "", fmt.Errorf("watch: fingerprint: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)[:16]), nil
}

func addFile(to io.Writer, dir, name string) error {
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	fmt.Fprintf(to, "%s %d\n", name, info.Size())
	_, err = io.Copy(to, f)
	return err
}
