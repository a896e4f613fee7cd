package nn_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// twin is AdamW as a loop over float64 parameters of the loss Σ (p·x - y)²/2 of one group.
type twin struct {
	p, m, v     []float64
	clip, decay float64
}

func (a *twin) step(x, y []float64, lr float64, t int) (norm float64) {
	grad := make([]float64, len(a.p))
	for i := range a.p {
		grad[i] = (a.p[i]*x[i] - y[i]) * x[i]
		norm += grad[i] * grad[i]
	}
	norm = math.Sqrt(norm)
	scale := 1.0
	if a.clip > 0 {
		scale = min(1, a.clip/(norm+1e-6))
	}
	for i, g := range grad {
		g *= scale
		a.p[i] -= lr * a.decay * a.p[i]
		a.m[i] = 0.9*a.m[i] + 0.1*g
		a.v[i] = 0.999*a.v[i] + 0.001*g*g
		mHat := a.m[i] / (1 - math.Pow(0.9, float64(t)))
		vHat := a.v[i] / (1 - math.Pow(0.999, float64(t)))
		a.p[i] -= lr * mHat / (math.Sqrt(vHat) + 1e-8)
	}
	return norm
}

// Two groups, one clipped hard, one not at all; the rate changes every step.
func TestAdamWIsTheLoop(t *testing.T) {
	for _, dtype := range []dtypes.DType{dtypes.Float64, dtypes.Float32} {
		t.Run(dtype.String(), func(t *testing.T) { adamWTwin(t, portable(t), dtype) })
	}
}

func adamWTwin(t *testing.T, backend compute.Backend, dtype dtypes.DType) {
	const n, steps, decay = 5, 8, 0.1
	x, y := noise("adamw x", n), noise("adamw y", n)
	names, clips := []string{"slow", "fast"}, []float64{0.05, 0}
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 5)
	exec := model.MustNewExec(backend, store, func(scope *model.Scope, lr, step *graph.Node) []*graph.Node {
		g := lr.Graph()
		var groups []nn.Group
		var losses []*graph.Node
		for i, name := range names {
			s := scope.At("%s", name)
			p := nn.Variable(s, "p", nn.NormalInit(1), dtype, n).NodeValue(g)
			e := graph.Sub(graph.Mul(p, graph.ConstAsDType(g, dtype, x)), graph.ConstAsDType(g, dtype, y))
			losses = append(losses, graph.MulScalar(graph.ReduceAllSum(graph.Square(e)), 0.5))
			groups = append(groups, nn.Group{Name: name, Scopes: []*model.Scope{s}, Clip: clips[i]})
		}
		loss := graph.Add(losses[0], losses[1])
		return nn.AdamW(loss, lr, step, groups, nn.AdamWConfig{WeightDecay: decay})
	})
	defer exec.Finalize()
	twins := make([]*twin, len(names))
	for i, name := range names {
		twins[i] = &twin{p: nn.NormalInit(1).Values(5, "/"+name+"/p", n), m: make([]float64, n), v: make([]float64, n),
			clip: clips[i], decay: decay}
	}
	tol := 1e-12
	if dtype == dtypes.Float32 {
		tol = 3e-6
	}
	for s := 1; s <= steps; s++ {
		lr := 0.1 / float64(s)
		norms, err := exec.Call(lr, int32(s))
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range names {
			norm := twins[i].step(x, y, lr, s)
			near(t, fmt.Sprintf("%s norm, step %d", name, s), number(norms[i]), []float64{norm}, 10*tol)
			for suffix, want := range map[string][]float64{"": twins[i].p, "/adamw_m": twins[i].m, "/adamw_v": twins[i].v} {
				v := store.GetVariable("/" + name + "/p" + suffix)
				near(t, fmt.Sprintf("%s%s, step %d", name, suffix, s), number(v.MustValue()), want, tol)
				if v.Trainable != (suffix == "") || nn.IsMoment(v) != (suffix != "") {
					t.Errorf("%s: trainable %v, moment %v", v.Path(), v.Trainable, nn.IsMoment(v))
				}
			}
		}
	}
	if got := nn.Parameters(store.RootScope()); got != 2*n {
		t.Errorf("%d parameters, want %d", got, 2*n)
	}
}

// number returns a tensor's values as float64.
func number(x *tensors.Tensor) []float64 {
	if x.DType() == dtypes.Float64 {
		return tensors.MustCopyFlatData[float64](x)
	}
	var out []float64
	for _, v := range tensors.MustCopyFlatData[float32](x) {
		out = append(out, float64(v))
	}
	return out
}

func TestAdamWRefusesBadGroups(t *testing.T) {
	cases := map[string]func(scope *model.Scope) []nn.Group{
		`group "b" has no trainable variable`: func(s *model.Scope) []nn.Group {
			return []nn.Group{{Name: "a", Scopes: []*model.Scope{s}}, {Name: "b", Scopes: []*model.Scope{s.At("other")}}}
		},
		`in group "a" and in group "b"`: func(s *model.Scope) []nn.Group {
			return []nn.Group{{Name: "a", Scopes: []*model.Scope{s.At("d")}}, {Name: "b", Scopes: []*model.Scope{s}}}
		},
	}
	for want, groups := range cases {
		_, err := model.CallOnce(portable(t), model.NewStore(), func(scope *model.Scope, x *graph.Node) *graph.Node {
			loss := graph.ReduceAllSum(nn.Dense(nn.WithSeed(scope, 1).At("d"), x, 1))
			return nn.AdamW(loss, graph.Const(x.Graph(), 0.1), graph.Const(x.Graph(), int32(1)), groups(scope), nn.AdamWConfig{})[0]
		}, tensor64([]float64{1, 2}, 1, 2))
		if err == nil {
			t.Errorf("%s: no error", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want one that says %q", err, want)
		}
	}
}

func TestScheduleAt(t *testing.T) {
	s := nn.Schedule{Peak: 1e-3, Floor: 1e-5, Warmup: 100, Total: 1000}
	cases := []struct {
		step int
		want float64
	}{
		{0, 0}, {50, 5e-4}, {100, 1e-3}, {550, 5.05e-4}, {1000, 1e-5}, {5000, 1e-5},
		{325, 1e-5 + 9.9e-4/2*(1+math.Sqrt2/2)}, // a quarter of the cosine: cos 45°
	}
	for _, c := range cases {
		if got := s.At(c.step); !(math.Abs(got-c.want) <= 1e-12) {
			t.Errorf("At(%d) = %g, want %g", c.step, got, c.want)
		}
	}
	if got := (nn.Schedule{Peak: 2, Floor: 1, Total: 10}).At(0); got != 2 {
		t.Errorf("without warm-up At(0) = %g, want 2", got)
	}
}
