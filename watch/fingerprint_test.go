package watch_test

import (
	"os"
	"path/filepath"
	"testing"

	"foresee/jepa"
	"foresee/watch"
)

// TestFingerprint changes one byte of each file of a model in turn.
func TestFingerprint(t *testing.T) {
	m := untrained(t, 0, 1)
	if _, err := run(t, m, newFake(3), watch.Config{}); err != nil { // creates the variables
		t.Fatal(err)
	}
	save := func() (dir, print string) {
		dir = t.TempDir()
		if err := m.Save(dir, nil); err != nil {
			t.Fatal(err)
		}
		print, err := watch.Fingerprint(dir)
		if err != nil {
			t.Fatal(err)
		}
		return dir, print
	}
	dir, print := save()
	if _, again := save(); again != print || len(print) != 32 {
		t.Errorf("saved twice: %q and %q, want the same 32 digits", print, again)
	}
	for _, name := range []string{jepa.ConfigFile, jepa.NormalizerFile, jepa.WeightsFile} {
		path := filepath.Join(dir, name)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := append([]byte{}, raw...)
		changed[len(changed)-1] ^= 1
		for _, text := range [][]byte{changed, raw} {
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
			got, err := watch.Fingerprint(dir)
			if err != nil {
				t.Fatal(err)
			}
			if same := string(text) == string(raw); (got == print) != same {
				t.Errorf("%s unchanged %v: fingerprint %s, was %s", name, same, got, print)
			}
		}
	}
	if err := os.Remove(filepath.Join(dir, jepa.WeightsFile)); err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Fingerprint(dir); err == nil {
		t.Error("a model without weights has a fingerprint")
	}
}
