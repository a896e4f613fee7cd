package jepa_test

import (
	"math"
	"path/filepath"
	"strings"
	"testing"

	"foresee/jepa"
)

// TestHalveWeights looks that halved weights are rounded ones, that rollouts move by as little as that, and that a
// saved model says the same.
func TestHalveWeights(t *testing.T) {
	m := fresh(t, rooms())
	cfg := m.Config()
	states, actions := numbers("states", 2*cfg.State()), numbers("actions", 2*3*cfg.ActionDim)
	shape := jepa.Shape{B: 2, N: 1, L: 3}
	roll := func(m *jepa.Model) []float32 { return rollout(t, m, shape, states, actions) }
	encode(t, m, 1, frames(cfg, 1)) // makes the encoder's variables
	full := roll(m)
	before, err := jepa.ReadStore(m.Store(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.HalveWeights(); err != nil {
		t.Fatal(err)
	}
	after, err := jepa.ReadStore(m.Store(), nil)
	if err != nil {
		t.Fatal(err)
	}
	halved := 0
	for name, b := range before {
		matrix := strings.HasSuffix(name, "/weight") && len(b.Shape) == 2
		changed := 0
		for i, x := range b.Data {
			y := after[name].Data[i]
			if x != y {
				changed++
			}
			if matrix && (math.Float32bits(y)&0xffff != 0 || math.Abs(float64(y-x)) > math.Abs(float64(x))/256) {
				t.Fatalf("%s[%d]: %v became %v", name, i, x, y)
			}
		}
		if changed > 0 != matrix {
			t.Errorf("%s %v: %d of %d numbers changed", name, b.Shape, changed, len(b.Data))
		}
		if matrix {
			halved++
		}
	}
	if halved < 4 {
		t.Errorf("%d matrices, want those of predictor, inverse and displacement", halved)
	}
	if bits, fresh := m.WeightBits(), fresh(t, cfg).WeightBits(); bits != 16 || fresh != 32 {
		t.Errorf("%d weight bits, of another model %d, want 16 and 32", bits, fresh)
	}
	half := roll(m)
	moved, size := distance(half, full)
	if moved == 0 || moved > 0.02*size {
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
	if moved, size := distance(roll(again), half); moved > 1e-6*size {
		t.Errorf("the saved model's rollouts differ by %v of %v", moved, size)
	}
}

// distance returns the norms of a - b and of b.
func distance(a, b []float32) (diff, size float64) {
	for i := range a {
		diff += float64(a[i]-b[i]) * float64(a[i]-b[i])
		size += float64(b[i]) * float64(b[i])
	}
	return math.Sqrt(diff), math.Sqrt(size)
}

func TestHalveWeightsWithoutAny(t *testing.T) {
	m := fresh(t, cells()) // convolutions alone
	if err := m.HalveWeights(); err == nil || !strings.Contains(err.Error(), "no dense layer") {
		t.Errorf("error %v, want one that says there is no dense layer", err)
	}
}
