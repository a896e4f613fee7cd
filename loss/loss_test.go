package loss_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"

	"foresee/loss"
)

// Golden values of the published PyTorch code, float32 (jepa.md, Appendix A).
var (
	goldenZ       = array{[]float64{1, 0, .5, 0, 1, -.5, -1, .5, 0, .5, -.5, 1}, []int{4, 3}}
	goldenFlipped = array{[]float64{.5, -.5, 1, -1, .5, 0, 0, 1, -.5, 1, 0, .5}, []int{4, 3}}
)

func TestGoldenValues(t *testing.T) {
	f := func(in []*graph.Node) []*graph.Node {
		z := in[0]
		v := loss.VICReg(z, in[1], loss.EBJEPAVICReg(1, 80))
		return []*graph.Node{loss.HingeStd(z, loss.HingeConfig{}), loss.Covariance(z, loss.PerPair),
			loss.TemporalSimilarity(graph.Reshape(z, 1, 4, 3)), v.Invariance, v.Variance, v.Covariance, v.Total}
	}
	names := []string{"HingeStd", "Covariance", "TemporalSimilarity", "VICReg inv", "VICReg var", "VICReg cov", "VICReg"}
	want := []float64{0.2849599, 0.1145833, 0.9722222, 0.375, 0.5699196, 0.2291667, 19.2782536}
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.Float64} {
		got := evaluate(t, dtype, f, goldenZ, goldenFlipped)
		for i := range want {
			if !(math.Abs(got[i]-want[i]) <= 1e-5) {
				t.Errorf("%s in %s = %.7f, want %.7f", names[i], dtype, got[i], want[i])
			}
		}
	}
}

func TestGoldenSIGReg(t *testing.T) {
	cases := []struct {
		y             []float64
		sigreg, pulse float64
	}{
		{[]float64{-1, 0, 1, 2}, 0.558190, 0.139515},
		{[]float64{-1.5, -.5, .5, 1.5}, 0.228828, 0.057164},
		{[]float64{0, 0, 0, 0}, 1.608190, 0.399962},
	}
	f := func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{loss.SIGReg(in[0], in[1]), loss.EppsPulley(in[0], in[1])}
	}
	for _, c := range cases {
		for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.Float64} {
			got := evaluate(t, dtype, f, array{c.y, []int{4, 1}}, array{[]float64{1}, []int{1, 1}})
			if !(math.Abs(got[0]-c.sigreg) <= 1e-5 && math.Abs(got[1]-c.pulse) <= 1e-5) {
				t.Errorf("%v in %s: SIGReg %.6f, EppsPulley %.6f, want %.6f, %.6f", c.y, dtype, got[0], got[1], c.sigreg, c.pulse)
			}
		}
	}
}

// Every loss against the plain loops, in float64, on random shapes.
func TestLossesAreTheLoops(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, s := range []struct{ n, d, m int }{{2, 1, 1}, {3, 2, 1}, {7, 5, 3}, {16, 4, 8}} {
		z, w, a := normals(rng, s.n, s.d), normals(rng, s.n, s.d), normals(rng, s.d, s.m)
		off := naiveOffDiagonal(z.v, s.n, s.d)
		offW := naiveOffDiagonal(w.v, s.n, s.d)
		hinge := func(x array) float64 { return naiveHinge(x.v, s.n, s.d, 1, 1e-4) }
		dd := float64(s.d)
		pairs := max(dd*(dd-1), 1)
		want := map[string]float64{
			"MSE":                 naiveMSE(z.v, w.v),
			"Huber":               naiveHuber(z.v, w.v, 0.8),
			"HingeStd":            hinge(z),
			"HingeStd 2":          naiveHinge(z.v, s.n, s.d, 2, 0.01),
			"Covariance pair":     off / pairs,
			"Covariance dim":      off / dd,
			"VICReg official":     25*naiveMSE(z.v, w.v) + 25*(hinge(z)+hinge(w))/2 + (off+offW)/dd,
			"VICReg EB":           naiveMSE(z.v, w.v) + 16*(hinge(z)+hinge(w)) + 8*(off+offW)/pairs,
			"SIGReg":              naiveSIGReg(z.v, a.v, s.n, s.d, s.m),
			"EppsPulley":          naiveEppsPulley(z.v, a.v, s.n, s.d, s.m),
			"InverseDynamics":     naiveMSE(z.v, w.v),
			"WeightedMean":        (z.v[0]*1 + z.v[1]*3) / 4,
			"InverseDynamics gap": gapLoop(z.v, w.v, s.n, s.d),
		}
		names := slices.Sorted(maps(want))
		got := evaluate(t, dtypes.Float64, func(in []*graph.Node) []*graph.Node {
			z, w, a := in[0], in[1], in[2]
			all := map[string]*graph.Node{
				"MSE":             loss.MSE(z, w),
				"Huber":           loss.Huber(z, w, 0.8),
				"HingeStd":        loss.HingeStd(z, loss.HingeConfig{}),
				"HingeStd 2":      loss.HingeStd(z, loss.HingeConfig{Target: 2, Epsilon: 0.01}),
				"Covariance pair": loss.Covariance(z, loss.PerPair),
				"Covariance dim":  loss.Covariance(z, loss.PerDimension),
				"VICReg official": loss.VICReg(z, w, loss.OfficialVICReg()).Total,
				"VICReg EB":       loss.VICReg(z, w, loss.EBJEPAVICReg(16, 8)).Total,
				"SIGReg":          loss.SIGReg(z, a),
				"EppsPulley":      loss.EppsPulley(z, a),
				"InverseDynamics": loss.InverseDynamics(z, w),
				"WeightedMean": loss.WeightedMean(graph.Slice(graph.Reshape(z, s.n*s.d), graph.AxisRange(0, 2)),
					graph.ConstAs(z, []float64{1, 3})),
				"InverseDynamics gap": loss.InverseDynamicsGaps(graph.Reshape(z, 1, s.n, s.d), graph.Reshape(w, 1, s.n, s.d), gaps(s.n)),
			}
			var out []*graph.Node
			for _, name := range names {
				out = append(out, all[name])
			}
			return out
		}, z, w, a)
		for i, name := range names {
			if !(math.Abs(got[i]-want[name]) <= 1e-11*max(1, want[name])) {
				t.Errorf("%+v: %s = %.15g, want %.15g", s, name, got[i], want[name])
			}
		}
	}
}

// gaps returns 1, 2, 3, ..., n.
func gaps(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i + 1
	}
	return out
}

// gapLoop is the mean over n pairs of d numbers each of the pair's MSE over its gap.
func gapLoop(a, b []float64, n, d int) float64 {
	s := 0.0
	for p := range n {
		s += naiveMSE(a[p*d:(p+1)*d], b[p*d:(p+1)*d]) / float64(p+1)
	}
	return s / float64(n)
}

// maps yields the keys of m.
func maps(m map[string]float64) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func normals(rng *rand.Rand, dims ...int) array {
	n := 1
	for _, d := range dims {
		n *= d
	}
	a := array{make([]float64, n), dims}
	for i := range a.v {
		a.v[i] = rng.NormFloat64()
	}
	return a
}

// A clip's regularizer is that of its steps, averaged; a regularizer over [B, T, D] must not mix the steps.
func TestSIGRegOfClipsIsTheMeanOverSteps(t *testing.T) {
	const b, steps, d, m = 5, 3, 2, 4
	rng := rand.New(rand.NewPCG(5, 6))
	z, a := normals(rng, b, steps, d), normals(rng, d, m)
	want := [2]float64{}
	for s := range steps {
		var one []float64
		for n := range b {
			one = append(one, z.v[(n*steps+s)*d:(n*steps+s+1)*d]...)
		}
		want[0] += naiveSIGReg(one, a.v, b, d, m) / steps
		want[1] += naiveEppsPulley(one, a.v, b, d, m) / steps
	}
	got := evaluate(t, dtypes.Float64, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{loss.SIGReg(in[0], in[1]), loss.EppsPulley(in[0], in[1])}
	}, z, a)
	for i := range want {
		if !(math.Abs(got[i]-want[i]) <= 1e-12) {
			t.Errorf("result %d = %.15g, want %.15g", i, got[i], want[i])
		}
	}
}

// The floor to print beside SIGReg: standard normal latents give about 1.055 at any batch size.
func TestSIGRegOfNormalLatents(t *testing.T) {
	for _, b := range []int{32, 256} {
		const d, m = 8, 64
		rng := rand.New(rand.NewPCG(7, uint64(b)))
		a := array{loss.Directions[float64](rng, d, m), []int{d, m}}
		mean := 0.0
		const rounds = 20
		for range rounds {
			got := evaluate(t, dtypes.Float64, func(in []*graph.Node) []*graph.Node {
				return []*graph.Node{loss.SIGReg(in[0], in[1])}
			}, normals(rng, b, d), a)
			mean += got[0] / rounds
		}
		if !(math.Abs(mean-1.055) <= 0.12) {
			t.Errorf("B=%d: SIGReg of normal latents is %.3f, want about 1.055", b, mean)
		}
	}
}

func TestMultiStep(t *testing.T) {
	const b, length, d = 3, 8, 2
	rng := rand.New(rand.NewPCG(8, 9))
	at := []int{1, 2, 4, 8}
	rollout, targets := normals(rng, length, b, d), normals(rng, b, len(at), d)
	want := 0.0
	for k, step := range at {
		for n := range b {
			for i := range d {
				e := rollout.v[((step-1)*b+n)*d+i] - targets.v[(n*len(at)+k)*d+i]
				want += e * e / float64(b*d*len(at))
			}
		}
	}
	got := evaluate(t, dtypes.Float64, func(in []*graph.Node) []*graph.Node {
		return []*graph.Node{loss.MultiStep(unstack(in[0]), in[1], at)}
	}, rollout, targets)
	if !(math.Abs(got[0]-want) <= 1e-12) {
		t.Errorf("MultiStep = %.15g, want %.15g", got[0], want)
	}
}

// unstack splits x along its first axis.
func unstack(x *graph.Node) []*graph.Node {
	var out []*graph.Node
	for _, part := range graph.Split(x, 0, x.Shape().Dimensions[0]) {
		out = append(out, graph.Squeeze(part, 0))
	}
	return out
}

func TestMaskedAndWeightedMean(t *testing.T) {
	x := array{[]float64{1, 2, math.NaN(), 4, 5, 6}, []int{3, 2}}
	got := evaluate(t, dtypes.Float64, func(in []*graph.Node) []*graph.Node {
		g := in[0].Graph()
		finite := graph.Const(g, [][]bool{{true, true}, {false, true}, {false, true}})
		rows := graph.Const(g, []bool{true, false, true})
		none := graph.Const(g, []bool{false, false, false})
		return []*graph.Node{loss.MaskedMean(in[0], finite), loss.MaskedMean(in[0], rows), loss.MaskedMean(in[0], none),
			loss.WeightedMean(in[1], graph.ConstAs(in[1], []float64{1, 0, 3}))}
	}, x, array{[]float64{1, 2, 3, 4, 5, 6}, []int{3, 2}})
	want := []float64{13.0 / 4, 14.0 / 4, math.NaN(), (3 + 3*11.0) / 8}
	for i := range want {
		if i == 2 {
			if !math.IsNaN(got[i]) {
				t.Errorf("the mean of nothing is %g, want NaN", got[i])
			}
			continue
		}
		if !(math.Abs(got[i]-want[i]) <= 1e-12) {
			t.Errorf("mean %d = %g, want %g", i, got[i], want[i])
		}
	}
}

func TestNaNStaysNaN(t *testing.T) {
	z := array{[]float64{1, 2, math.NaN(), 4, 5, 6, 7, 9}, []int{4, 2}}
	got := evaluate(t, dtypes.Float64, func(in []*graph.Node) []*graph.Node {
		z := in[0]
		a := graph.ConstAs(z, [][]float64{{0.6}, {0.8}})
		return []*graph.Node{loss.MSE(z, graph.ZerosLike(z)), loss.Huber(z, graph.ZerosLike(z), 1), loss.HingeStd(z, loss.HingeConfig{}),
			loss.Covariance(z, loss.PerPair), loss.SIGReg(z, a), loss.EppsPulley(z, a), loss.VICReg(z, z, loss.OfficialVICReg()).Total,
			loss.TemporalSimilarity(graph.Reshape(z, 1, 4, 2))}
	}, z)
	for i, v := range got {
		if !math.IsNaN(v) {
			t.Errorf("loss %d of latents with a NaN is %g, want NaN", i, v)
		}
	}
}

func TestDirections(t *testing.T) {
	const d, m = 5, 7
	draw := func(a, b uint64) []float64 { return loss.Directions[float64](rand.New(rand.NewPCG(a, b)), d, m) }
	v := draw(1, 2)
	for j := range m {
		norm := 0.0
		for i := range d {
			norm += v[i*m+j] * v[i*m+j]
		}
		if !(math.Abs(norm-1) <= 1e-12) {
			t.Errorf("column %d has squared norm %g, want 1", j, norm)
		}
	}
	if !slices.Equal(v, draw(1, 2)) || slices.Equal(v, draw(1, 3)) {
		t.Error("directions must depend on the generator and on nothing else")
	}
	for i, x := range loss.Directions[float32](rand.New(rand.NewPCG(1, 2)), d, m) {
		if x != float32(v[i]) {
			t.Fatalf("float32 direction %d is %g, want %g rounded", i, x, v[i])
		}
	}
	if got, want := fmt.Sprintf("%.12f", v[:3]), "[0.379763845352 0.183041057812 0.322728158257]"; got != want {
		t.Errorf("first directions %s, want %s", got, want)
	}
}

func TestWrongShapesAreNamed(t *testing.T) {
	cases := map[string]func(x *graph.Node){
		"loss: MSE":                 func(x *graph.Node) { loss.MSE(x, graph.ReduceSum(x, 0)) },
		"loss: HingeStd":            func(x *graph.Node) { loss.HingeStd(graph.Reshape(x, 1, 6), loss.HingeConfig{}) },
		"loss: Covariance":          func(x *graph.Node) { loss.Covariance(graph.Reshape(x, 6), loss.PerPair) },
		"loss: SIGReg":              func(x *graph.Node) { loss.SIGReg(x, x) },
		"loss: TemporalSimilarity":  func(x *graph.Node) { loss.TemporalSimilarity(x) },
		"loss: Huber":               func(x *graph.Node) { loss.Huber(x, x, 0) },
		"loss: VICReg":              func(x *graph.Node) { loss.VICReg(x, x, loss.VICRegConfig{}) },
		"loss: MultiStep":           func(x *graph.Node) { loss.MultiStep([]*graph.Node{x}, graph.Reshape(x, 3, 1, 2), []int{2}) },
		"loss: MaskedMean":          func(x *graph.Node) { loss.MaskedMean(x, graph.Const(x.Graph(), []bool{true})) },
		"loss: InverseDynamicsGaps": func(x *graph.Node) { loss.InverseDynamicsGaps(x, x, []int{1}) },
		"loss: Sum":                 func(*graph.Node) { loss.Sum() },
	}
	for want, f := range cases {
		_, err := graph.CallOnce(portable(t), func(x *graph.Node) *graph.Node {
			f(x)
			return x
		}, [][]float64{{1, 2}, {3, 4}, {5, 6}})
		if err == nil {
			t.Errorf("%s: no error", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want one that begins %q", err, want)
		}
	}
}

// Half, just and twice as large as expected: 2·(0.5 - 1 + ln 2), 0 and 2·(2 - 1 - ln 2).
func TestGammaDeviance(t *testing.T) {
	got := evaluate(t, dtypes.Float64, func(in []*graph.Node) []*graph.Node {
		r, deviance := loss.GammaDeviance(in[0], in[1], 0.01)
		return append(unstack(r), unstack(deviance)...)
	}, array{[]float64{0.99, 1.99, 3.99}, []int{3}}, array{[]float64{1.99, 1.99, 1.99}, []int{3}})
	for i, want := range []float64{0.5, 1, 2, 0.386294, 0, 0.613706} {
		if math.Abs(got[i]-want) > 1e-5 {
			t.Errorf("output %d is %v, want %v", i, got[i], want)
		}
	}
}
