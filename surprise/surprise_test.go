package surprise_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"foresee/surprise"
)

func expectation(t *testing.T, channels int, cfg surprise.Config) *surprise.Expectation {
	t.Helper()
	e, err := surprise.NewExpectation(channels, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestExpectationFormula compares with the weighted sums written out.
func TestExpectationFormula(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	e := expectation(t, 2, surprise.Config{HalfLife: 5, WarmUp: 3, Limit: math.Inf(1)})
	gamma := math.Pow(2, -1.0/5)
	var history [][]float64
	for step := range 40 {
		scores := []float64{rng.Float64(), 10 + rng.Float64()}
		relative := []float64{-1, -1}
		ready, err := e.Observe(scores, relative)
		if err != nil {
			t.Fatal(err)
		}
		if ready != (step >= 3) {
			t.Fatalf("step %d: ready = %v", step, ready)
		}
		for c := range 2 {
			mean, _ := weighted(history, c, gamma)
			want := -1.0
			if step >= 3 {
				want = scores[c] / mean
			}
			near(t, "relative", relative[c], want, 1e-12)
		}
		history = append(history, scores)
		for c := range 2 {
			mean, std := weighted(history, c, gamma)
			near(t, "mean", e.Mean(c), mean, 1e-12)
			near(t, "std", e.Std(c), std, 1e-9)
		}
	}
	if e.Seen() != 40 {
		t.Errorf("Seen = %d, want 40", e.Seen())
	}
}

// weighted returns the weighted mean and std of channel c.
func weighted(history [][]float64, c int, gamma float64) (mean, std float64) {
	var sum, square, weight float64
	for i, s := range history {
		w := math.Pow(gamma, float64(len(history)-1-i))
		sum, weight = sum+w*s[c], weight+w
	}
	mean = sum / weight
	for i, s := range history {
		square += math.Pow(gamma, float64(len(history)-1-i)) * (s[c] - mean) * (s[c] - mean)
	}
	return mean, math.Sqrt(square / weight)
}

// TestExpectationLimit sees that one enormous score does not hide the next.
func TestExpectationLimit(t *testing.T) {
	e := expectation(t, 1, surprise.Config{HalfLife: 50, WarmUp: 10})
	relative := []float64{0}
	for range 200 {
		observe(t, e, 1, relative)
	}
	observe(t, e, 1e6, relative)
	near(t, "first jump", relative[0], 1e6, 1)
	observe(t, e, 1e6, relative)
	if relative[0] < 8e5 {
		t.Errorf("second jump = %g times the expectation, want at least 8e5", relative[0])
	}
}

func observe(t *testing.T, e *surprise.Expectation, score float64, relative []float64) {
	t.Helper()
	if _, err := e.Observe([]float64{score}, relative); err != nil {
		t.Fatal(err)
	}
}

// TestExpectationNotFinite sees that a bad score is an error that changes nothing.
func TestExpectationNotFinite(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		e := expectation(t, 1, surprise.Config{})
		observe(t, e, 2, []float64{0})
		if _, err := e.Observe([]float64{bad}, []float64{0}); !errors.Is(err, surprise.ErrNotFinite) {
			t.Errorf("Observe(%g) = %v, want ErrNotFinite", bad, err)
		}
		if e.Mean(0) != 2 || e.Seen() != 1 {
			t.Errorf("after %g: mean %g of %d scores, want 2 of 1", bad, e.Mean(0), e.Seen())
		}
	}
	e := expectation(t, 1, surprise.Config{})
	if _, err := e.Observe([]float64{-1}, []float64{0}); err == nil {
		t.Error("Observe(-1) gave no error")
	}
}

// TestExpectationFrozen sees that a stream without any surprise divides by the floor.
func TestExpectationFrozen(t *testing.T) {
	e := expectation(t, 1, surprise.Config{WarmUp: 2})
	relative := []float64{-1}
	for range 5 {
		observe(t, e, 0, relative)
	}
	near(t, "frozen", relative[0], 0, 0)
	observe(t, e, 1, relative)
	near(t, "after frozen", relative[0], 1e9, 1)
}

func TestConfigFaults(t *testing.T) {
	for name, cfg := range map[string]surprise.Config{
		"half life": {HalfLife: math.NaN()}, "warm up": {WarmUp: -1}, "limit": {Limit: 0.5}, "floor": {Floor: math.Inf(1)},
	} {
		if _, err := surprise.NewExpectation(1, cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestAUROCTwin compares with counting all pairs, on scores full of ties.
func TestAUROCTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		p, q := make([]float64, 1+rng.IntN(12)), make([]float64, 1+rng.IntN(12))
		for i := range p {
			p[i] = float64(rng.IntN(5))
		}
		for i := range q {
			q[i] = float64(rng.IntN(4))
		}
		wins := 0.0
		for _, a := range p {
			for _, b := range q {
				switch {
				case a > b:
					wins++
				case a == b:
					wins += 0.5
				}
			}
		}
		got, err := surprise.AUROC(p, q)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "AUROC", got.AUROC, wins/float64(len(p)*len(q)), 1e-12)
		if !(got.Lo >= 0 && got.Lo <= got.AUROC && got.AUROC <= got.Hi && got.Hi <= 1) {
			t.Fatalf("interval %+v", got)
		}
	}
}

// TestAUROCPerfect sees that perfect separation of few clips is not called certain.
func TestAUROCPerfect(t *testing.T) {
	up, down := []float64{5, 6, 7, 8, 9}, []float64{0, 1, 2, 3, 4}
	got, err := surprise.AUROC(up, down)
	if err != nil {
		t.Fatal(err)
	}
	if got.AUROC != 1 || got.Hi != 1 || got.Lo > 0.85 || got.Lo < 0.4 {
		t.Errorf("5 against 5 apart = %+v, want 1 with a lower bound between 0.4 and 0.85", got)
	}
	mirror, err := surprise.AUROC(down, up)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mirror", mirror.Hi, 1-got.Lo, 1e-9)
	near(t, "mirror", mirror.Lo, 0, 0)
}

// TestAUROCCoverage draws normal scores 1.8124 apart, AUROC 0.9, and counts how
// often the interval holds it.
func TestAUROCCoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const trials = 2000
	covered := 0
	for range trials {
		p, q := make([]float64, 30), make([]float64, 30)
		for i := range p {
			p[i], q[i] = rng.NormFloat64()+1.8124, rng.NormFloat64()
		}
		got, err := surprise.AUROC(p, q)
		if err != nil {
			t.Fatal(err)
		}
		if got.Lo <= 0.9 && 0.9 <= got.Hi {
			covered++
		}
	}
	if share := float64(covered) / trials; share < 0.93 || share > 0.985 {
		t.Errorf("the 95 %% interval held the truth in %.3f of %d trials", share, trials)
	}
}

func TestAUROCErrors(t *testing.T) {
	if _, err := surprise.AUROC(nil, []float64{1}); err == nil {
		t.Error("no positives: no error")
	}
	if _, err := surprise.AUROC([]float64{1}, []float64{math.NaN()}); !errors.Is(err, surprise.ErrNotFinite) {
		t.Errorf("NaN: %v, want ErrNotFinite", err)
	}
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) {
		t.Fatalf("%s = %.15g, want %.15g within %g", what, got, want, tol)
	}
}
