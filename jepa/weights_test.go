package jepa_test

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"foresee/jepa"
)

// TestRoundWeights looks that rounded weights are near, that rollouts move by as little as that, and that a saved model
// says the same.
func TestRoundWeights(t *testing.T) {
	wide, cell := rooms(), published()
	wide.Predictor.Hidden = []int{48, 40}
	cell.Encoder.Latent = 64
	for _, c := range []struct {
		name     string
		cfg      jepa.Config
		bits     int
		matrices int
		most     float64 // share by which rollouts may move
	}{
		{"dense to bfloat16", rooms(), 16, 4, 0.02},
		{"dense to bytes", wide, 8, 2, 0.02},
		{"cell to bytes", cell, 8, 2, 0.02},
	} {
		t.Run(c.name, func(t *testing.T) { roundWeights(t, fresh(t, c.cfg), c.bits, c.matrices, c.most) })
	}
}

func roundWeights(t *testing.T, m *jepa.Model, bits, matrices int, most float64) {
	cfg := m.Config()
	states, actions := numbers("states", 2*cfg.State()), numbers("actions", 2*3*cfg.ActionDim)
	shape := jepa.Shape{B: 2, N: 1, L: 3}
	roll := func(m *jepa.Model) []float32 { return rollout(t, m, shape, states, actions) }
	encode(t, m, 1, frames(cfg, 1)) // makes the encoder's variables
	full := roll(m)
	before := tensorsOf(t, m)
	if err := m.RoundWeights(bits); err != nil {
		t.Fatal(err)
	}
	after := tensorsOf(t, m)
	if len(after) != len(before) {
		t.Errorf("%d tensors became %d", len(before), len(after))
	}
	rounded := 0
	for name, b := range before {
		if wasRounded(t, name, b, after[name], bits) {
			rounded++
		}
	}
	if rounded < matrices {
		t.Errorf("%d matrices rounded, want %d or more", rounded, matrices)
	}
	if got, fresh := m.WeightBits(), fresh(t, cfg).WeightBits(); got != bits || fresh != 32 {
		t.Errorf("%d weight bits, of another model %d, want %d and 32", got, fresh, bits)
	}
	few := roll(m)
	moved, size := distance(few, full)
	if moved == 0 || moved > most*size {
		t.Errorf("rollouts move by %v of %v, want a little", moved, size)
	}
	dir := filepath.Join(t.TempDir(), "m")
	if err := m.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	again, err := jepa.Load(m.Backend(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if bits == 8 { // else what the matrices multiply is not rounded
		if err := again.RoundWeights(bits); err != nil {
			t.Fatal(err)
		}
	}
	if moved, size := distance(roll(again), few); moved > 1e-6*size {
		t.Errorf("the saved model's rollouts differ by %v of %v", moved, size)
	}
	if err := m.RoundWeights(bits); err == nil {
		t.Error("rounded again without an error")
	}
}

func tensorsOf(t *testing.T, m *jepa.Model) map[string]jepa.Tensor {
	t.Helper()
	all, err := jepa.ReadStore(m.Store(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// wasRounded says whether a tensor was rounded, and fails if it should not have been, or by too much.
func wasRounded(t *testing.T, name string, before, after jepa.Tensor, bits int) bool {
	t.Helper()
	least, suffixes := 1, []string{"/weight"}
	if bits == 8 {
		least, suffixes = 32, append(suffixes, "/weight_hh")
	}
	matrix := len(before.Shape) == 2 && before.Shape[0] >= least && slices.ContainsFunc(suffixes, func(s string) bool { return strings.HasSuffix(name, s) })
	largest := map[int]float64{}
	for i, x := range before.Data {
		column := i % before.Shape[len(before.Shape)-1]
		largest[column] = max(largest[column], math.Abs(float64(x)))
	}
	differ := false
	for i, x := range before.Data {
		y := after.Data[i]
		differ = differ || x != y
		off, most := math.Abs(float64(y-x)), math.Abs(float64(x))/256
		if bits == 8 {
			most = largest[i%before.Shape[len(before.Shape)-1]] / 127 / 2 * 1.0001
		}
		if matrix && off > most {
			t.Fatalf("%s[%d]: %v became %v", name, i, x, y)
		}
	}
	if differ != matrix {
		t.Errorf("%s %v: numbers changed: %t", name, before.Shape, differ)
	}
	return differ
}

// distance returns the norms of a - b and of b.
func distance(a, b []float32) (diff, size float64) {
	for i := range a {
		diff += float64(a[i]-b[i]) * float64(a[i]-b[i])
		size += float64(b[i]) * float64(b[i])
	}
	return math.Sqrt(diff), math.Sqrt(size)
}

func TestRoundWeightsWithoutAny(t *testing.T) {
	m := fresh(t, cells()) // convolutions alone
	if err := m.RoundWeights(16); err == nil || !strings.Contains(err.Error(), "no dense layer") {
		t.Errorf("error %v, want one that says there is no dense layer", err)
	}
	if err := fresh(t, rooms()).RoundWeights(4); err == nil || !strings.Contains(err.Error(), "want 16 or 8") {
		t.Errorf("error %v, want one that says which bits there are", err)
	}
}
