package probe_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"foresee/probe"
)

// TestLinearExact recovers a known affine map, with a constant and a repeated
// feature that carry nothing.
func TestLinearExact(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const n = 400
	x, y := table(4), table(2)
	for range n {
		a, b := rng.NormFloat64(), rng.NormFloat64()
		x.Values = append(x.Values, float32(a), float32(b), 7, float32(a))
		y.Values = append(y.Values, float32(30+5*a-2*b), float32(-1+b))
	}
	res, fit, err := probe.Linear(x, y, grouped(n, 10), probe.LinearConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Targets) != 2 || res.Joint.N != 100 || res.Joint.Groups != 10 {
		t.Fatalf("%d targets, %d test rows of %d groups, want 2, 100 and 10", len(res.Targets), res.Joint.N, res.Joint.Groups)
	}
	for i, s := range res.Targets {
		near(t, "RMSE", s.RMSE, 0, 1e-3)
		near(t, "R2", s.R2, 1, 1e-6)
		if s.Floor < 0.8 {
			t.Errorf("target %d: floor %g, want about its spread", i, s.Floor)
		}
	}
	out := make([]float64, 2)
	fit.Apply(1, []float32{2, 3, 7, 2}, out)
	near(t, "readout 0", out[0], 34, 1e-2)
	near(t, "readout 1", out[1], 2, 1e-2)
}

// TestLinearNoise compares RMSE and its interval with the noise that was added.
func TestLinearNoise(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	const n = 4000
	x := probe.Table{Values: normals(rng, n), Width: 1}
	y := table(1)
	for i := range n {
		y.Values = append(y.Values, 10*x.Values[i]+float32(rng.NormFloat64()))
	}
	res, _, err := probe.Linear(x, y, grouped(n, 10), probe.LinearConfig{})
	if err != nil {
		t.Fatal(err)
	}
	s := res.Joint
	near(t, "RMSE", s.RMSE, 1, 0.06)
	near(t, "R2", s.R2, 1-1.0/101, 0.003)
	near(t, "Floor", s.Floor, math.Sqrt(101), 0.5)
	near(t, "width of the interval", s.Hi-s.Lo, 2*1.96/math.Sqrt(2*1000), 0.03)
}

// TestLinearSplitsByGroup gives every group a random target and features that
// name the group: a probe graded on rows of groups it has seen would be perfect.
func TestLinearSplitsByGroup(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	const n, d = 600, 40
	x, y := table(d), table(1)
	for range n / 10 {
		name, target := normals(rng, d), float32(rng.NormFloat64())
		for range 10 {
			x.Values = append(x.Values, name...)
			y.Values = append(y.Values, target)
		}
	}
	res, _, err := probe.Linear(x, y, grouped(n, 10), probe.LinearConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Joint.R2 > 0.3 {
		t.Errorf("R2 = %.3f on targets that cannot be known, want about 0", res.Joint.R2)
	}
}

// TestR2 sees that R2 is about the mean of the test rows: one group is left for
// the test, whose two targets lie 1 apart and far from the rest.
func TestR2(t *testing.T) {
	x, y := table(1), table(1)
	for g := range 4 {
		x.Values = append(x.Values, 1, 1)
		y.Values = append(y.Values, float32(10*g), float32(10*g+1))
	}
	res, _, err := probe.Linear(x, y, grouped(8, 2), probe.LinearConfig{})
	if err != nil {
		t.Fatal(err)
	}
	s := res.Joint
	near(t, "R2", s.R2, 1-2*s.RMSE*s.RMSE/0.5, 1e-6*math.Abs(s.R2))
	near(t, "RMSE of a probe that knows nothing", s.RMSE, s.Floor, 1e-9)
	if s.N != 2 || s.RMSE < 5 {
		t.Errorf("%d test rows, RMSE %g, want 2 and at least 5", s.N, s.RMSE)
	}
}

func TestErrors(t *testing.T) {
	bad := table(1, 1, 2, float32(math.NaN()), 4)
	good := table(1, 1, 2, 3, 4)
	groups := []int{0, 1, 2, 3}
	for name, pair := range map[string][2]probe.Table{"features": {bad, good}, "targets": {good, bad}} {
		if _, _, err := probe.Linear(pair[0], pair[1], groups, probe.LinearConfig{}); !errors.Is(err, probe.ErrNotFinite) {
			t.Errorf("NaN in %s: %v, want ErrNotFinite", name, err)
		}
	}
	if _, _, err := probe.Linear(good, good, []int{0, 0, 1, 1}, probe.LinearConfig{}); err == nil {
		t.Error("two groups: no error")
	}
	constant, _, err := probe.Linear(good, table(1, 5, 5, 5, 5), groups, probe.LinearConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(constant.Joint.R2) {
		t.Errorf("R2 of a constant target = %g, want NaN", constant.Joint.R2)
	}
}

// TestMLP reads a product off two features, which no linear probe can.
func TestMLP(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const n = 2000
	x := probe.Table{Values: normals(rng, 2*n), Width: 2}
	y := table(2)
	for i := range n {
		a, b := x.Values[2*i], x.Values[2*i+1]
		y.Values = append(y.Values, 100+10*a*b, 3*max(a, b))
	}
	cfg := probe.MLPConfig{Backend: portable(t), Hidden: []int{48, 48}, Steps: 700, Batch: 128}
	res, err := probe.MLP(context.Background(), x, y, grouped(n, 10), cfg)
	if err != nil {
		t.Fatal(err)
	}
	linear, _, err := probe.Linear(x, y, grouped(n, 10), probe.LinearConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if r := res.Targets[0].R2; r < 0.95 {
		t.Errorf("MLP: R2 of the product = %.4f, want at least 0.95 (%s)", r, res.Detail)
	}
	if r := res.Targets[1].RMSE; r > 0.3 {
		t.Errorf("MLP: RMSE of the maximum = %.3f, want at most 0.3", r)
	}
	if r := linear.Targets[0].R2; r > 0.1 {
		t.Errorf("linear: R2 of the product = %.4f, want about 0", r)
	}
	near(t, "floor", res.Targets[0].Floor, linear.Targets[0].Floor, 1e-9)
	again, err := probe.MLP(context.Background(), x, y, grouped(n, 10), cfg)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "second run", again.Joint.RMSE, res.Joint.RMSE, 0)
}

func TestMLPCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	x := table(1, 1, 2, 3, 4)
	if _, err := probe.MLP(ctx, x, x, []int{0, 1, 2, 3}, probe.MLPConfig{Backend: portable(t)}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestCollapseKnown uses latents whose figures are known.
func TestCollapseKnown(t *testing.T) {
	// Points at ±s_i on axis i: covariance diag(s_i²/4·...) with four axes, no mean.
	var z probe.Table
	z.Width = 4
	scale := []float32{1, 1, 2, 0}
	for i, s := range scale {
		for _, sign := range []float32{-1, 1} {
			row := make([]float32, 4)
			row[i] = sign * s
			z.Values = append(z.Values, row...)
		}
	}
	c, err := probe.MeasureCollapse(z)
	if err != nil {
		t.Fatal(err)
	}
	// variances 2s²/8: 1/4, 1/4, 1, 0
	near(t, "StdMean", c.StdMean, (0.5+0.5+1+0)/4, 1e-12)
	near(t, "StdMedian", c.StdMedian, 0.5, 1e-12)
	near(t, "StdMin", c.StdMin, 0, 0)
	near(t, "LowStd", c.LowStd, 0.25, 1e-12)
	near(t, "ParticipationRatio", c.ParticipationRatio, 1.5*1.5/(1.0/16+1.0/16+1), 1e-12)
	// singular values in proportion 1 : 1 : 2 : 0
	entropy := 0.0
	for _, p := range []float64{0.25 + 1e-7, 0.25 + 1e-7, 0.5 + 1e-7, 1e-7} {
		entropy -= p * math.Log(p)
	}
	near(t, "RankMe", c.RankMe, math.Exp(entropy), 1e-9)
}

// TestCollapseSpread compares an even spread, one direction and no spread.
func TestCollapseSpread(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	even := probe.Table{Values: normals(rng, 9000*8), Width: 8} // more rows than a chunk of the Gram matrix
	c, err := probe.MeasureCollapse(even)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "even participation", c.ParticipationRatio, 8, 0.1)
	near(t, "even RankMe", c.RankMe, 8, 0.1)
	near(t, "even std", c.StdMean, 1, 0.02)
	line := table(3)
	for i := range 50 {
		line.Values = append(line.Values, float32(i), float32(2*i), float32(-i))
	}
	c, err = probe.MeasureCollapse(line)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "line participation", c.ParticipationRatio, 1, 1e-9)
	near(t, "line RankMe", c.RankMe, 1, 1e-4)
	if p := probe.ParticipationRatio(table(2, 5, 5, 5, 5)); !math.IsNaN(p) {
		t.Errorf("no variance: participation ratio %g, want NaN", p)
	}
	if _, err := probe.MeasureCollapse(table(1, 1, float32(math.Inf(1)))); !errors.Is(err, probe.ErrNotFinite) {
		t.Errorf("infinite latent: %v", err)
	}
}
