//go:build !xla || !cgo

package jepa_test

import (
	"testing"

	"foresee/jepa"
)

// A program without XLA says how to build one that has it.
func TestOpenBackendWithoutXLA(t *testing.T) {
	for _, name := range []string{"xla", "xla:cuda", "xla:/opt/plugin.so"} {
		_, err := jepa.OpenBackend(name)
		wantError(t, err, name, "without XLA", jepa.BuildXLA, "docs/scaling.md")
	}
}
