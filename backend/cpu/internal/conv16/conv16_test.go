package conv16

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"foresee/backend/cpu/internal/fence"
)

func eachSet(t *testing.T, f func(t *testing.T, k *kernels)) {
	for _, k := range available() {
		t.Run(k.name, func(t *testing.T) { f(t, k) })
	}
}

// naive calls f for every product of the convolution with the indices into x, w and y.
func naive(s Shape, f func(x, w, y int)) {
	for y := range s.N * s.OutH * s.OutW * s.Cout {
		o, pixel := y%s.Cout, y/s.Cout
		n, i, j := pixel/s.OutW/s.OutH, pixel/s.OutW%s.OutH, pixel%s.OutW
		for tap := range s.KH * s.KW {
			r, c := i*s.StrideH-s.PadTop+tap/s.KW, j*s.StrideW-s.PadLeft+tap%s.KW
			if r < 0 || r >= s.H || c < 0 || c >= s.W {
				continue
			}
			for ch := range s.Cin {
				f(((n*s.H+r)*s.W+c)*s.Cin+ch, (tap*s.Cin+ch)*s.Cout+o, y)
			}
		}
	}
}

// random draws images of one size, some of them zero and each at a scale of its own, that end at an unreadable page.
func random(r *rand.Rand, images, size int) []float32 {
	s := make([]float32, images*size)
	for n := range images {
		scale := math.Exp(4 * r.NormFloat64())
		if r.IntN(8) == 0 {
			scale = 0
		}
		for i := range size {
			s[n*size+i] = float32(scale * r.NormFloat64())
		}
	}
	return fence.AtEnd(s)
}

// dirty returns room that ends at an unreadable page.
func dirty(n int) []float32 {
	s := make([]float32, n)
	for i := range s {
		s[i] = float32(math.NaN())
	}
	return fence.AtEnd(s)
}

func (s Shape) image() int  { return s.H * s.W * s.Cin }
func (s Shape) result() int { return s.OutH * s.OutW * s.Cout }
func (s Shape) taps() int   { return s.KH * s.KW * s.Cin * s.Cout }

// randomShape draws sizes with the awkward ones frequent.
func randomShape(r *rand.Rand) Shape {
	for {
		s := Shape{N: 1 + r.IntN(4), H: 1 + r.IntN(8), W: 1 + r.IntN(40), Cin: []int{2, 4, 6, 16, 18, 32}[r.IntN(6)], Cout: []int{1, 7, 8, 16, 17, 32, 48, 63, 64, 80}[r.IntN(10)],
			KH: 1 + r.IntN(4), KW: 1 + r.IntN(4), StrideH: 1 + r.IntN(3), StrideW: 1 + r.IntN(3), PadTop: r.IntN(4), PadLeft: r.IntN(4)}
		if r.IntN(3) == 0 {
			s.KW, s.StrideW = 3, 1
		}
		down, right := s.H+s.PadTop+r.IntN(4)-s.KH, s.W+s.PadLeft+r.IntN(4)-s.KW
		if down < 0 || right < 0 {
			continue
		}
		s.OutH, s.OutW = down/s.StrideH+1, right/s.StrideW+1
		if s.Forward() && s.N*s.result()*s.taps()/s.Cout < 4e5 {
			return s
		}
	}
}

func same3x3(n, h, w, cin, cout int) Shape {
	return Shape{N: n, H: h, W: w, Cin: cin, KH: 3, KW: 3, Cout: cout, StrideH: 1, StrideW: 1, PadTop: 1, PadLeft: 1, OutH: h, OutW: w}
}

// errors is what has been found of errors as shares of the norms of what is multiplied.
type errors struct {
	worst, squares float64
	n              int
}

func (e *errors) add(t *testing.T, what string, got float32, want, norms float64) {
	t.Helper()
	d := math.Abs(float64(got) - want)
	if norms == 0 {
		if d != 0 {
			t.Fatalf("%s = %g, want exactly %g", what, got, want)
		}
		return
	}
	if d /= norms; !(d <= e.worst) {
		e.worst = d
	}
	e.squares += d * d
	e.n++
}

func (e *errors) check(t *testing.T, deviation, worst float64) {
	t.Helper()
	if d := math.Sqrt(e.squares / float64(e.n)); !(d <= deviation && e.worst <= worst) || e.n == 0 {
		t.Errorf("error of %d elements: %.2g one standard deviation, %.2g at most; want %.2g and %.2g", e.n, d, e.worst, deviation, worst)
	}
}

// TestForwardMatchesNaive compares with float64, and relates errors to the norms of the image's greatest window and of the
// output channel's weights.
func TestForwardMatchesNaive(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(1, 16))
		var e errors
		for i := range 120 {
			s := randomShape(r)
			a := Operands{X: random(r, s.N, s.image()), W: random(r, 1, s.taps()), Y: dirty(s.N * s.result()), Turned: i%2 == 0}
			want, windows, norms := make([]float64, len(a.Y)), make([]float64, len(a.Y)), make([]float64, s.Cout)
			weight := func(w int) float64 {
				if a.Turned { // from [tap, cin, cout] to [last - tap, cout, cin]
					tap, c, o := w/s.Cout/s.Cin, w/s.Cout%s.Cin, w%s.Cout
					w = ((s.KH*s.KW-1-tap)*s.Cout+o)*s.Cin + c
				}
				return float64(a.W[w])
			}
			for w := range a.W {
				norms[w%s.Cout] += weight(w) * weight(w)
			}
			naive(s, func(x, w, y int) {
				want[y] += float64(a.X[x]) * weight(w)
				windows[y] += float64(a.X[x]) * float64(a.X[x])
			})
			if i%3 == 0 {
				a.Bias = random(r, 1, s.Cout)
			}
			if i%5 == 0 {
				a.Residual = random(r, s.N, s.result())
			}
			a.ReLU = i%7 == 0
			a.Workspace = dirty(s.ForwardFloats(2))
			k.newForward(s, 2, a).Images(Turn{Worker: 1, Hi: s.N, Soon: a.X})
			greatest := 0.0
			for y, got := range a.Y {
				if y%s.result() == 0 {
					greatest = slices.Max(windows[y:][:s.result()])
				}
				w := want[y]
				if a.Bias != nil {
					w += float64(a.Bias[y%s.Cout])
				}
				if a.Residual != nil {
					w += float64(a.Residual[y])
				}
				if a.ReLU {
					w = max(0, w)
				}
				if a.Bias != nil || a.Residual != nil { // that are added in float32
					if d := math.Abs(float64(got) - w); d > 2e-4*math.Sqrt(greatest*norms[y%s.Cout])+1e-6*(math.Abs(w)+math.Abs(want[y])) {
						t.Fatalf("case %d %+v: y[%d] = %g, want %g", i, s, y, got, w)
					}
					continue
				}
				e.add(t, fmt.Sprintf("case %d %+v: y[%d]", i, s, y), got, w, math.Sqrt(greatest*norms[y%s.Cout]))
			}
		}
		e.check(t, 1.6e-5, 1.2e-4)
	})
}

// TestWeightsMatchNaive relates errors to the norms of the channels' planes, image by image.
func TestWeightsMatchNaive(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		r := rand.New(rand.NewPCG(2, 16))
		var e errors
		for i := range 30 {
			s := same3x3(1+r.IntN(4), 1+r.IntN(7), 2+r.IntN(18), lanes*(1+r.IntN(2)), lanes*(1+r.IntN(3)))
			if !s.Weights() {
				t.Fatalf("%+v is refused", s)
			}
			x, dy := random(r, s.N, s.image()), random(r, s.N, s.result())
			want, norms := make([]float64, s.taps()), make([]float64, s.taps())
			naive(s, func(x_, w, y int) { want[w] += float64(x[x_]) * float64(dy[y]) })
			planes := func(v []float32, channels int) []float64 {
				sums := make([]float64, s.N*channels)
				for i, x := range v {
					sums[i/(s.H*s.W*channels)*channels+i%channels] += float64(x) * float64(x)
				}
				return sums
			}
			px, pdy := planes(x, s.Cin), planes(dy, s.Cout)
			for w := range norms {
				for n := range s.N {
					norms[w] += px[n*s.Cin+w/s.Cout%s.Cin] * pdy[n*s.Cout+w%s.Cout]
				}
			}
			parts := 1 + i%2
			ws := dirty(s.WeightsFloats(2, parts))
			job := k.newWeights(s, 2, parts, WeightOperands{x, dy, ws})
			half := s.N
			if parts == 2 {
				half = s.N / 2
				if half == 0 {
					parts, half = 1, s.N
				}
			}
			job.Add(Turn{Worker: 1, Hi: half, First: true, Soon: x})
			if parts == 2 {
				job.Add(Turn{Part: 1, Lo: half, Hi: half + 1, First: true})
				job.Add(Turn{Worker: 1, Part: 1, Lo: half + 1, Hi: s.N})
			}
			for w := range want {
				got := ws[w]
				if parts == 2 {
					got += ws[s.taps()+w]
				}
				e.add(t, fmt.Sprintf("case %d %+v: dw[%d]", i, s, w), got, want[w], math.Sqrt(norms[w]))
			}
		}
		e.check(t, 1e-5, 7e-5)
	})
}

// TestSumsStayInRange has operands whose products are as great as they can be: all of one sign and size.
func TestSumsStayInRange(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		for _, s := range []Shape{same3x3(1, 70, 70, 16, 16), same3x3(2, 4, 5, 32, 48), same3x3(1, 2, 3, 544, 16), same3x3(1, 1, 2, 16, 32)} {
			fill := func(n int, v float32) []float32 {
				f := make([]float32, n)
				for i := range f {
					f[i] = v
				}
				return f
			}
			x, dy, w := fill(s.N*s.image(), 0.7), fill(s.N*s.result(), -1.3), fill(s.taps(), -1.3)
			want := make([]float64, s.taps())
			naive(s, func(_, w, _ int) { want[w] += float64(x[0]) * float64(dy[0]) })
			ws := dirty(s.WeightsFloats(1, 1))
			k.newWeights(s, 1, 1, WeightOperands{x, dy, ws}).Add(Turn{Hi: s.N, First: true})
			for i, v := range want {
				if d := math.Abs(float64(ws[i]) - v); !(d <= 1e-4*math.Abs(v)) {
					t.Fatalf("%+v: dw[%d] = %g, want %g", s, i, ws[i], v)
				}
			}
			y := dirty(s.N * s.result())
			k.newForward(s, 1, Operands{X: x, W: w, Y: y, Workspace: dirty(s.ForwardFloats(1))}).Images(Turn{Hi: s.N})
			clear(want)
			want = make([]float64, len(y))
			naive(s, func(_, _, y int) { want[y] += float64(x[0]) * float64(w[0]) })
			for i, v := range want {
				if d := math.Abs(float64(y[i])/v - 1); !(d < 1e-4) {
					t.Fatalf("%+v: y[%d] = %g, want %g", s, i, y[i], v)
				}
			}
		}
	})
}

// TestExtremes has one channel or image each that is not finite, that is so small or so great that squares leave float32.
func TestExtremes(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		s := same3x3(6, 5, 6, 16, 32)
		r := rand.New(rand.NewPCG(3, 16))
		scale := []float64{1, 1e-30, 1e30, 1, 1, 3e-39}
		x, dy := make([]float32, s.N*s.image()), make([]float32, s.N*s.result())
		for i := range x {
			x[i] = float32(scale[i/s.image()] * (1 + r.Float64()))
		}
		for i := range dy {
			dy[i] = float32(1 + r.Float64())
		}
		x[3*s.image()+7], x[4*s.image()+70] = float32(math.NaN()), float32(math.Inf(-1))
		w, y := make([]float32, s.taps()), dirty(s.N*s.result())
		for i := range w {
			w[i] = float32(1 + r.Float64())
			if i%s.Cout == 5 {
				w[i] *= 1e-25
			}
		}
		w[9] = float32(math.Inf(1))
		k.newForward(s, 1, Operands{X: x, W: w, Y: y, ReLU: true, Workspace: dirty(s.ForwardFloats(1))}).Images(Turn{Hi: s.N})
		want := make([]float64, len(y))
		naive(s, func(a, b, c int) { want[c] += float64(x[a]) * float64(w[b]) })
		for i, v := range want {
			n := i / s.result()
			bad := n == 3 || n == 4 || i%s.Cout == 9
			tiny := math.Abs(v) < 1e-30
			if got := float64(y[i]); math.IsNaN(got) != bad || !bad && !tiny && !(math.Abs(got/v-1) < 1e-3) || !bad && tiny && !(math.Abs(got-v) < 1e-32) {
				t.Fatalf("y[%d] = %g, want %g", i, got, v)
			}
		}
		for n := range s.N {
			ws := dirty(s.WeightsFloats(1, 1))
			k.newWeights(s, 1, 1, WeightOperands{x, dy, ws}).Add(Turn{Lo: n, Hi: n + 1, First: true})
			one := s
			one.N = 1
			want := make([]float64, s.taps())
			naive(one, func(a, b, c int) { want[b] += float64(x[n*s.image()+a]) * float64(dy[n*s.result()+c]) })
			share := 1e-3
			if n == 5 {
				share = 1e-2 // its scales are subnormal
			}
			for i, v := range want {
				bad := n == 3 && i/s.Cout%s.Cin == 7 || n == 4 && i/s.Cout%s.Cin == 70%16
				if got := float64(ws[i]); math.IsNaN(got) != bad || !bad && !(math.Abs(got/v-1) < share) {
					t.Fatalf("image %d: dw[%d] = %g, want %g", n, i, got, v)
				}
			}
		}
	})
}
