//go:build xla && cgo

package jepa_test

import (
	"os"
	"path/filepath"
	"testing"

	"foresee/jepa"
)

// A plugin that is not there, or is none, is an error with its name; nothing is
// looked for on a network.
func TestOpenBackendXLA(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PJRT_PLUGIN_LIBRARY_PATH", dir)
	text := filepath.Join(dir, "text.so")
	if err := os.WriteFile(text, []byte("not a library"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		config string
		says   []string
	}{
		{"xla", []string{"plugin after the colon"}},
		{"xla:", []string{"plugin after the colon"}},
		{"xla:" + filepath.Join(dir, "none.so"), []string{"none.so", "no such file", "docs/scaling.md"}},
		{"xla:none.so,tf32=false", []string{"none.so", "no such file"}},
		{"xla:" + text, []string{text, "failed to"}},
		{"xla:cuda", []string{"no plugins found", "PJRT_PLUGIN_LIBRARY_PATH"}},
	} {
		_, err := jepa.OpenBackend(c.config)
		wantError(t, err, append(c.says, "jepa: backend", c.config)...)
	}
}
