package trainlog

import (
	"os"
	"path/filepath"
	"testing"
)

// Opening for a resume keeps each earlier line once and drops the rest.
func TestOpenLogDropsWhatComesAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "train.jsonl")
	text := "{\"step\":0}\n{\"step\":1}\nrubbish\n{\"step\":2}\n{\"step\":3}\n{\"st"
	for step, want := range map[int]string{0: "", 2: "{\"step\":0}\n{\"step\":1}\n", 9: "{\"step\":0}\n{\"step\":1}\n{\"step\":2}\n{\"step\":3}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		l, err := Open(path, step)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("from step %d the log is %q, %v; want %q", step, got, err, want)
		}
	}
}
