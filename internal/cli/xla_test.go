//go:build xla && cgo

package cli

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

// The commands run on XLA: two devices train a model, and the evaluation of it
// gives what it gives on the backend cpu.
func TestXLACommands(t *testing.T) {
	plugin := os.Getenv("FORESEE_XLA_PLUGIN")
	if plugin == "" && os.Getenv("FORESEE_CI") == "1" {
		t.Fatal("FORESEE_XLA_PLUGIN names no PJRT plugin, and FORESEE_CI=1")
	}
	if plugin == "" {
		t.Skip("FORESEE_XLA_PLUGIN names no PJRT plugin (docs/scaling.md)")
	}
	dataset, model := walks(t), filepath.Join(t.TempDir(), "model")
	args := append([]string{"train", "-d", dataset, "-o", model, "--steps", "4", "--set", "model.encoder.static=5", "--json"}, tiny()...)
	d := call(t, append(args, "--backend", "xla:"+plugin, "--devices", "2")...).document(t)
	if r, ok := d.Find("train/displacement/loss"); !ok || math.IsNaN(r.Value) {
		t.Errorf("train printed %v for the last stage's loss, %v", r.Value, ok)
	}
	args = []string{"eval", "rollout", "-m", model, "-d", dataset, "--episodes", "12", "--json"}
	want, got := values(call(t, args...).document(t)), values(call(t, append(args, "--backend", "xla:"+plugin)...).document(t))
	if len(want) < 5 || len(got) != len(want) {
		t.Errorf("%d rows on XLA, %d on cpu", len(got), len(want))
	}
	for name, w := range want {
		if diff := math.Abs(got[name] - w); !(diff <= 1e-4*math.Abs(w)) {
			t.Errorf("%s is %g on XLA, %g on cpu", name, got[name], w)
		}
	}
}
