package nn_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// naiveDense is x·w + b for rows of x.
func naiveDense(x, w, b []float64, in, out int) []float64 {
	rows := len(x) / in
	y := make([]float64, rows*out)
	for r := range rows {
		for o := range out {
			s := 0.0
			if b != nil {
				s = b[o]
			}
			for i := range in {
				s += x[r*in+i] * w[i*out+o]
			}
			y[r*out+o] = s
		}
	}
	return y
}

func TestDenseAndMLP(t *testing.T) {
	x := noise("dense", 2*3*4)
	for _, dims := range [][]int{{6, 4}, {2, 3, 4}} {
		out, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node {
			return nn.MLP(scope.At("m"), x, []int{5, 2}, nn.Tanh)
		}, tensor64(x, dims...))
		h := naiveDense(x, flat(t, store, "/m/0/weight"), flat(t, store, "/m/0/bias"), 4, 5)
		for i := range h {
			h[i] = math.Tanh(h[i])
		}
		want := naiveDense(h, flat(t, store, "/m/1/weight"), flat(t, store, "/m/1/bias"), 5, 2)
		near(t, "MLP", tensors.MustCopyFlatData[float64](out), want, 1e-12)
		if got, want := out.Shape().Dimensions[len(dims)-1], 2; got != want || out.Rank() != len(dims) {
			t.Errorf("MLP shape %s for input %v", out.Shape(), dims)
		}
	}
	out, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return nn.DenseWith(scope, x, 3, nn.DenseConfig{NoBias: true})
	}, tensor64(x, 6, 4))
	near(t, "NoBias", tensors.MustCopyFlatData[float64](out), naiveDense(x, flat(t, store, "/weight"), nil, 4, 3), 1e-12)
	if store.GetVariable("/bias") != nil {
		t.Error("NoBias made a bias")
	}
}

func TestSharedScopeSharesWeights(t *testing.T) {
	_, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node {
		s := scope.At("mlp")
		return graph.Add(nn.MLP(s, x, []int{4, 4}, nn.ReLU), nn.MLP(s, graph.Neg(x), []int{4, 4}, nn.ReLU))
	}, tensor64(noise("shared", 8), 2, 4))
	if got := nn.Parameters(store.RootScope()); got != 40 {
		t.Errorf("two calls made %d parameters, want 40", got)
	}
}

func TestConv2D(t *testing.T) {
	cases := []struct{ b, h, w, c, out, k, s, p int }{
		{1, 1, 1, 1, 1, 1, 1, 0}, {2, 5, 4, 3, 2, 3, 1, 1}, {1, 9, 9, 2, 3, 5, 4, 2},
		{2, 7, 6, 1, 2, 3, 2, 1}, {1, 4, 7, 2, 1, 2, 1, 0}, {2, 5, 5, 2, 2, 3, 0, 0},
	}
	for _, c := range cases {
		name := fmt.Sprintf("%+v", c)
		x := noise(name, c.b*c.h*c.w*c.c)
		out, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node {
			return nn.Conv2D(scope, x, nn.ConvConfig{Out: c.out, Kernel: c.k, Stride: c.s, Padding: c.p})
		}, tensor64(x, c.b, c.h, c.w, c.c))
		weight, bias := flat(t, store, "/weight"), flat(t, store, "/bias")
		s := max(c.s, 1)
		oh, ow := (c.h+2*c.p-c.k)/s+1, (c.w+2*c.p-c.k)/s+1
		want := naiveConv(volume{x, c.b, c.h, c.w, c.c}, weight, bias, [3]int{c.k, s, c.p}).v
		near(t, "Conv2D "+name, tensors.MustCopyFlatData[float64](out), want, 1e-12)
		if got := fmt.Sprint(out.Shape().Dimensions); got != fmt.Sprint([]int{c.b, oh, ow, c.out}) {
			t.Errorf("Conv2D %s: shape %s", name, got)
		}
	}
}

// A folded channel mix is that of the image before.
func TestConv2DMix(t *testing.T) {
	const b, h, w, c, out = 2, 6, 5, 3, 4
	x, mix := noise("x", b*h*w*c), noise("mix", c*c)
	folded, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node {
		m := graph.Reshape(graph.Const(x.Graph(), mix), c, c)
		return nn.Conv2D(scope, x, nn.ConvConfig{Out: out, Kernel: 3, Stride: 2, Padding: 1, Mix: m})
	}, tensor64(x, b, h, w, c))
	mixed := naiveDense(x, mix, make([]float64, c), c, c)
	want := naiveConv(volume{mixed, b, h, w, c}, flat(t, store, "/weight"), flat(t, store, "/bias"), [3]int{3, 2, 1}).v
	near(t, "Conv2D with a mix", tensors.MustCopyFlatData[float64](folded), want, 1e-12)
}

func TestMaxPool(t *testing.T) {
	for _, c := range []struct{ h, w, k, s, p int }{{5, 5, 3, 2, 1}, {6, 4, 2, 0, 0}, {1, 3, 1, 1, 0}, {7, 5, 3, 1, 1}} {
		const b, ch = 2, 3
		x := noise(fmt.Sprint(c), b*c.h*c.w*ch)
		for i := range x {
			x[i] -= 5 // all negative, so that a padding of zeros would win
		}
		out, _ := run(t, func(_ *model.Scope, x *graph.Node) *graph.Node {
			return nn.MaxPool(x, nn.PoolConfig{Kernel: c.k, Stride: c.s, Padding: c.p})
		}, tensor64(x, b, c.h, c.w, ch))
		s := c.s
		if s == 0 {
			s = c.k
		}
		want := naivePool(volume{x, b, c.h, c.w, ch}, [3]int{c.k, s, c.p}).v
		near(t, fmt.Sprint("MaxPool ", c), tensors.MustCopyFlatData[float64](out), want, 0)
	}
}

// naiveNorm is the layer norm of rows of d numbers.
func naiveNorm(x, weight, bias []float64) []float64 {
	d := len(weight)
	var out []float64
	for r := range len(x) / d {
		mean, variance := 0.0, 0.0
		for k := range d {
			mean += x[r*d+k] / float64(d)
		}
		for k := range d {
			variance += (x[r*d+k] - mean) * (x[r*d+k] - mean) / float64(d)
		}
		for k := range d {
			out = append(out, (x[r*d+k]-mean)/math.Sqrt(variance+1e-5)*weight[k]+bias[k])
		}
	}
	return out
}

func TestLayerNorm(t *testing.T) {
	const rows, d = 6, 5
	x, weight, bias := noise("norm", rows*d), noise("norm weight", d), noise("norm bias", d)
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 7)
	exec := model.MustNewExec(portable(t), store, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return nn.LayerNorm(scope, x)
	})
	defer exec.Finalize()
	input := tensor64(x, 2, 3, d)
	for range 2 { // with the initial weight and bias, then with others
		out, err := exec.Call(input)
		if err != nil {
			t.Fatal(err)
		}
		want := naiveNorm(x, flat(t, store, "/weight"), flat(t, store, "/bias"))
		near(t, "LayerNorm", tensors.MustCopyFlatData[float64](out[0]), want, 1e-12)
		for name, v := range map[string][]float64{"/weight": weight, "/bias": bias} {
			if err := store.GetVariable(name).SetValue(tensor64(v, d)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// The whole encoder against the same composition of plain loops.
func TestIMPALA(t *testing.T) {
	const b, h, w, d = 2, 6, 5, 4
	x := noise("impala", b*h*w*2)
	out, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return nn.IMPALA(scope, x, []int{3, 2}, d)
	}, tensor64(x, b, h, w, 2))
	conv := func(v volume, path string) volume {
		return naiveConv(v, flat(t, store, path+"/weight"), flat(t, store, path+"/bias"), [3]int{3, 1, 1})
	}
	relu := func(v volume) volume {
		v.v = append([]float64{}, v.v...)
		for i := range v.v {
			v.v[i] = max(v.v[i], 0)
		}
		return v
	}
	v := volume{x, b, h, w, 2}
	for i := range 2 {
		stack := fmt.Sprintf("/trunk/%d", i)
		v = naivePool(conv(v, stack+"/conv"), [3]int{3, 2, 1})
		for _, block := range []string{"/block0", "/block1"} {
			y := conv(relu(conv(v, stack+block+"/conv0")), stack+block+"/conv1")
			for k := range y.v {
				y.v[k] += v.v[k]
			}
			v = relu(y)
		}
	}
	z := naiveDense(v.v, flat(t, store, "/head/weight"), flat(t, store, "/head/bias"), len(v.v)/b, d)
	near(t, "IMPALA", tensors.MustCopyFlatData[float64](out), naiveNorm(z, flat(t, store, "/norm/weight"), flat(t, store, "/norm/bias")), 1e-11)
}

func TestActivations(t *testing.T) {
	x := []float64{-3, -0.5, 0, 0.5, 3}
	cases := map[string]func(v float64) float64{
		"relu":     func(v float64) float64 { return max(v, 0) },
		"gelu":     func(v float64) float64 { return v * math.Erfc(-v/math.Sqrt2) / 2 },
		"silu":     func(v float64) float64 { return v / (1 + math.Exp(-v)) },
		"tanh":     math.Tanh,
		"identity": func(v float64) float64 { return v },
	}
	for name, f := range cases {
		act, err := nn.ActivationByName(name)
		if err != nil {
			t.Fatal(err)
		}
		if act == nil {
			act = func(x *graph.Node) *graph.Node { return x }
		}
		out, _ := run(t, func(_ *model.Scope, x *graph.Node) *graph.Node { return act(x) }, tensor64(x, 5))
		want := make([]float64, len(x))
		for i, v := range x {
			want[i] = f(v)
		}
		near(t, name, tensors.MustCopyFlatData[float64](out), want, 1e-12)
	}
	if _, err := nn.ActivationByName("rellu"); err == nil {
		t.Error("an activation called rellu was found")
	}
}

func TestReLUKeepsNaNAndHasNoGradientAtZero(t *testing.T) {
	x := []float64{math.NaN(), 0, -1, 2}
	out, _ := run(t, func(_ *model.Scope, x *graph.Node) *graph.Node { return nn.ReLU(x) }, tensor64(x, 4))
	if got := tensors.MustCopyFlatData[float64](out); !math.IsNaN(got[0]) {
		t.Errorf("ReLU(NaN) = %g, want NaN", got[0])
	}
	out, _ = run(t, func(_ *model.Scope, x *graph.Node) *graph.Node {
		return graph.Gradient(graph.ReduceAllSum(nn.ReLU(x)), x)[0]
	}, tensor64(x[1:], 3))
	near(t, "ReLU's gradient at 0, -1, 2", tensors.MustCopyFlatData[float64](out), []float64{0, 0, 1}, 0)
}

func TestSpatialSoftmax(t *testing.T) {
	for _, c := range []struct{ b, h, w, c int }{{2, 3, 4, 2}, {1, 1, 5, 1}, {1, 4, 1, 3}, {1, 1, 1, 1}} {
		const temperature = 0.7
		x := noise(fmt.Sprint(c), c.b*c.h*c.w*c.c)
		out, _ := run(t, func(_ *model.Scope, x *graph.Node) *graph.Node {
			return nn.SpatialSoftmax(x, graph.Scalar(x.Graph(), x.DType(), temperature))
		}, tensor64(x, c.b, c.h, c.w, c.c))
		at := func(i, n int) float64 {
			if n == 1 {
				return 0
			}
			return -1 + 2*float64(i)/float64(n-1)
		}
		want := make([]float64, c.b*2*c.c)
		for b := range c.b {
			for k := range c.c {
				var mass, px, py float64
				for i := range c.h {
					for j := range c.w {
						p := math.Exp(x[((b*c.h+i)*c.w+j)*c.c+k] / temperature)
						mass, px, py = mass+p, px+p*at(j, c.w), py+p*at(i, c.h)
					}
				}
				want[b*2*c.c+k], want[b*2*c.c+c.c+k] = px/mass, py/mass
			}
		}
		near(t, fmt.Sprint("SpatialSoftmax ", c), tensors.MustCopyFlatData[float64](out), want, 1e-12)
	}
	// One bright cell in row 0, column 2 of 2×3 is at x = 1, y = -1, however bright.
	out, _ := run(t, func(_ *model.Scope, x *graph.Node) *graph.Node { return nn.SpatialSoftmax(x, nil) },
		tensor64([]float64{0, 0, 5000, 0, 0, 0}, 1, 2, 3, 1))
	near(t, "a bright cell", tensors.MustCopyFlatData[float64](out), []float64{1, -1}, 0)
}

func TestGRU(t *testing.T) {
	const b, in, d = 3, 2, 4
	x, h := noise("gru x", b*in), noise("gru h", b*d)
	out, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node {
		return nn.GRU(scope, x, graph.Const(x.Graph(), tensor64(h, b, d)))
	}, tensor64(x, b, in))
	gi := naiveDense(x, flat(t, store, "/weight_ih"), flat(t, store, "/bias_ih"), in, 3*d)
	gh := naiveDense(h, flat(t, store, "/weight_hh"), flat(t, store, "/bias_hh"), d, 3*d)
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	var want []float64
	for n := range b {
		for k := range d {
			i, j := gi[n*3*d:], gh[n*3*d:]
			r, u := sigmoid(i[k]+j[k]), sigmoid(i[d+k]+j[d+k])
			next := math.Tanh(i[2*d+k] + r*j[2*d+k])
			want = append(want, (1-u)*next+u*h[n*d+k])
		}
	}
	near(t, "GRU", tensors.MustCopyFlatData[float64](out), want, 1e-12)
	for _, name := range []string{"/weight_ih", "/bias_ih", "/weight_hh", "/bias_hh"} {
		largest := 0.0
		for _, v := range flat(t, store, name) {
			largest = max(largest, math.Abs(v))
		}
		if largest > 0.5 || largest < 0.3 {
			t.Errorf("largest of %s is %g, want just below 1/sqrt(4)", name, largest)
		}
	}
}

// Carry against plain loops, position after position.
func TestCarry(t *testing.T) {
	for _, length := range []int{1, 2, 5} {
		const b, d, hidden = 3, 4, 6
		x := noise(fmt.Sprint("carry", length), b*length*d)
		out, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node { return nn.Carry(scope, x, hidden) }, tensor64(x, b, length, d))
		wide := 2*hidden + d
		var want []float64
		for i := range b {
			state := make([]float64, d)
			for at := range length {
				now := x[(i*length+at)*d : (i*length+at+1)*d]
				p := naiveDense(now, flat(t, store, "/in/weight"), flat(t, store, "/in/bias"), d, wide)
				for j, v := range naiveDense(naiveNorm(state, flat(t, store, "/norm/weight"), flat(t, store, "/norm/bias")), flat(t, store, "/state/weight"), nil, d, wide) {
					p[j] += v
				}
				gated := make([]float64, hidden)
				for j := range gated {
					gated[j] = p[j] * math.Erfc(-p[j]/math.Sqrt2) / 2 * p[hidden+j]
				}
				change := naiveDense(gated, flat(t, store, "/out/weight"), flat(t, store, "/out/bias"), hidden, d)
				for j := range state {
					keep := 1 / (1 + math.Exp(-p[2*hidden+j]-1))
					state[j] = keep*(state[j]+change[j]) + (1-keep)*now[j]
				}
				want = append(want, state...)
			}
		}
		near(t, fmt.Sprint("Carry of ", length), tensors.MustCopyFlatData[float64](out), want, 1e-12)
	}
}

// Copies against plain loops; the first position has nothing but itself to copy.
func TestCopies(t *testing.T) {
	const b, w, d, count, lags = 2, 3, 5, 2, 6
	for _, c := range []nn.CopiesConfig{{0, 1, count, lags}, {0, 4, count, lags}, {2, 6, count, lags}, {5, 6, count, lags}} {
		const length = 6
		h, z := noise("copies h", b*length*w), noise("copies z", b*length*d)
		out, store := run(t, func(scope *model.Scope, in *graph.Node) *graph.Node {
			for name, dims := range map[string][]int{"query/weight": {w, 32 * count}, "query/bias": {32 * count}, "lag": {lags, count}} {
				at, last := scope, name
				if scoped, rest, ok := strings.Cut(name, "/"); ok {
					at, last = scope.At("%s", scoped), rest
				}
				nn.Variable(at, last, nn.NormalInit(1), in.DType(), dims...) // they begin at 0 else
			}
			cut := func(from, to int) *graph.Node {
				return graph.Slice(in, graph.AxisRange(), graph.AxisRange(), graph.AxisRange(from, to))
			}
			return nn.Copies(scope, cut(0, w), cut(w, w+d), c)
		}, tensor64(beside(h, z, b*length, w, d), b, length, w+d))
		var want []float64
		for i := range b {
			at := func(x []float64, t, width int) []float64 { return x[(i*length+t)*width : (i*length+t+1)*width] }
			for now := c.From; now < c.To; now++ {
				q := naiveDense(at(h, now, w), flat(t, store, "/query/weight"), flat(t, store, "/query/bias"), w, 32*count)
				for m := range count {
					shares, sum, mixed := make([]float64, now+1), 0., make([]float64, d)
					for s := range shares {
						k := naiveDense(at(h, s, w), flat(t, store, "/key/weight"), nil, w, 32)
						for j, v := range k {
							shares[s] += v * q[m*32+j] / math.Sqrt(32)
						}
						shares[s] += flat(t, store, "/lag")[(now-s)*count+m]
						if s == now {
							shares[s] += 4
						}
						shares[s] = math.Exp(shares[s])
						sum += shares[s]
					}
					for s, share := range shares {
						for j, v := range at(z, s, d) {
							mixed[j] += share / sum * v
						}
					}
					want = append(want, mixed...)
				}
			}
		}
		near(t, fmt.Sprintf("Copies of %+v", c), tensors.MustCopyFlatData[float64](out), want, 1e-12)
	}
}

// beside joins rows of a [n, wa] and b [n, wb].
func beside(a, b []float64, n, wa, wb int) (both []float64) {
	for i := range n {
		both = append(append(both, a[i*wa:(i+1)*wa]...), b[i*wb:(i+1)*wb]...)
	}
	return both
}

func TestGRUInputOfManyStepsIsThatOfEach(t *testing.T) {
	const b, steps, in, d = 2, 3, 2, 4
	x := noise("gru steps", b*steps*in)
	all, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node { return nn.GRUInput(scope, x, d) },
		tensor64(x, b, steps, in))
	near(t, "GRUInput", tensors.MustCopyFlatData[float64](all),
		naiveDense(x, flat(t, store, "/weight_ih"), flat(t, store, "/bias_ih"), in, 3*d), 1e-12)
}

func TestAttention(t *testing.T) {
	const b, steps, d, heads = 2, 4, 6, 2
	x := noise("attention", b*steps*d)
	for _, cfg := range []nn.AttentionConfig{{}, {Causal: true}, {Causal: true, Window: 1}, {Causal: true, Window: 2}, {Causal: true, Window: 9}} {
		cfg.Heads = heads
		out, store := run(t, func(scope *model.Scope, x *graph.Node) *graph.Node {
			return nn.Attention(scope, x, cfg)
		}, tensor64(x, b, steps, d))
		qkv := naiveDense(x, flat(t, store, "/qkv/weight"), flat(t, store, "/qkv/bias"), d, 3*d)
		mixed := naiveAttention(qkv, attentionShape{b, steps, d, heads}, cfg)
		want := naiveDense(mixed, flat(t, store, "/out/weight"), flat(t, store, "/out/bias"), d, d)
		near(t, fmt.Sprintf("Attention %+v", cfg), tensors.MustCopyFlatData[float64](out), want, 1e-12)
	}
}

type attentionShape struct{ b, steps, d, heads int }

// naiveAttention mixes the values of qkv [b, steps, 3d].
func naiveAttention(qkv []float64, s attentionShape, cfg nn.AttentionConfig) []float64 {
	width := s.d / s.heads
	out := make([]float64, s.b*s.steps*s.d)
	for b := range s.b {
		for h := range s.heads {
			at := func(step, part, k int) float64 { return qkv[(b*s.steps+step)*3*s.d+part*s.d+h*width+k] }
			for q := range s.steps {
				first, last := 0, s.steps
				if cfg.Causal {
					last = q + 1
				}
				if cfg.Window > 0 {
					first = max(0, last-cfg.Window)
				}
				mass := 0.0
				mixed := make([]float64, width)
				for k := first; k < last; k++ {
					dot := 0.0
					for i := range width {
						dot += at(q, 0, i) * at(k, 1, i)
					}
					p := math.Exp(dot / math.Sqrt(float64(width)))
					mass += p
					for i := range width {
						mixed[i] += p * at(k, 2, i)
					}
				}
				for i := range width {
					out[(b*s.steps+q)*s.d+h*width+i] = mixed[i] / mass
				}
			}
		}
	}
	return out
}

// The published sizes of the EB-JEPA model (jepa.md 1.1).
func TestParameterCounts(t *testing.T) {
	small, frame := []int{1, 512}, []int{1, 65, 65, 2}
	cases := []struct {
		name string
		want int
		x    []int
		f    layer
	}{
		{"encoder", 1426096, frame, func(s *model.Scope, x *graph.Node) *graph.Node { return nn.IMPALA(s, x, []int{16, 32, 32}, 512) }},
		{"GRU", 792576, small, func(s *model.Scope, x *graph.Node) *graph.Node {
			return nn.GRU(s, graph.Slice(x, graph.AxisRange(), graph.AxisRange(0, 2)), x)
		}},
		{"inverse dynamics", 328706, small, func(s *model.Scope, x *graph.Node) *graph.Node { return nn.InverseDynamics(s, x, x, 2) }},
		{"probe", 263682, small, func(s *model.Scope, x *graph.Node) *graph.Node { return nn.MLP(s, x, []int{512, 2}, nn.ReLU) }},
	}
	for _, c := range cases {
		out, store := run(t, c.f, tensors.FromShape(shapes.Make(dtypes.Float32, c.x...)))
		if got := nn.Parameters(store.RootScope()); got != c.want {
			t.Errorf("%s has %d parameters, want %d", c.name, got, c.want)
		}
		if c.name == "encoder" && fmt.Sprint(out.Shape().Dimensions) != "[1 512]" {
			t.Errorf("encoder's result is %s, want [1 512]", out.Shape())
		}
	}
}
