//go:build !xla || !cgo

package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// Without XLA, what needs it says how to build a program that has it, and
// leaves nothing behind.
func TestWithoutXLA(t *testing.T) {
	dataset, out := walks(t), filepath.Join(t.TempDir(), "model")
	train := func(args ...string) result {
		return call(t, append(append([]string{"train", "-d", dataset, "-o", out}, tiny()...), args...)...)
	}
	train("--backend", "xla:/opt/plugin.so").want(t, ExitUsage, "xla:/opt/plugin.so", "without XLA", "go build -tags xla", "docs/scaling.md")
	train("--backend", "abacus").want(t, ExitUsage, "abacus", "cpu", "xla:PLUGIN")
	train("--devices", "2").want(t, ExitFailed, "2 devices wanted", "cpu has 1", "go build -tags xla", "docs/scaling.md")
	train("--devices", "0").want(t, ExitUsage, "--devices 0")
	call(t, "eval", "rollout", "-m", out, "--backend", "xla:cuda").want(t, ExitUsage, "xla:cuda", "without XLA")
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("a refused call left %s: %v", out, err)
	}
}
