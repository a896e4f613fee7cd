//go:build !static

package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/ebitengine/purego"

	"foresee/backend/cpu/internal/pool"
)

// benchCase is a convolution of a net, with how often the net has it.
type benchCase struct {
	name  string
	times int
	s     Shape
	noDX  bool // first layer: no gradient by the pixels
}

func square(n, size, cin, k, stride, pad, cout int) Shape {
	return Shape{N: n, H: size, W: size, Cin: cin, KH: k, KW: k, Cout: cout, StrideH: stride, StrideW: stride,
		PadTop: pad, PadBottom: pad, PadLeft: pad, PadRight: pad}.WithOut()
}

func impala(n int) []benchCase {
	return []benchCase{
		{"65x65x2-16", 1, square(n, 65, 2, 3, 1, 1, 16), true},
		{"33x33x16-16", 4, square(n, 33, 16, 3, 1, 1, 16), false},
		{"33x33x16-32", 1, square(n, 33, 16, 3, 1, 1, 32), false},
		{"17x17x32-32", 5, square(n, 17, 32, 3, 1, 1, 32), false},
		{"9x9x32-32", 4, square(n, 9, 32, 3, 1, 1, 32), false},
	}
}

func fast(cases []benchCase) []benchCase {
	for i := range cases {
		cases[i].s.Fast = true
	}
	return cases
}

func light(n int) []benchCase {
	return []benchCase{
		{"65x65x2-16k5s4", 1, square(n, 65, 2, 5, 4, 2, 16), true},
		{"17x17x16-32s2", 1, square(n, 17, 16, 3, 2, 1, 32), false},
		{"9x9x32-64s2", 1, square(n, 9, 32, 3, 2, 1, 64), false},
		{"17x17x16-8", 1, square(n, 17, 16, 3, 1, 1, 8), false},
	}
}

func wide(n int) []benchCase {
	return []benchCase{
		{"64x64x3-48k8s4", 1, square(n, 64, 3, 8, 4, 2, 48), true},
		{"16x16x48-64k1", 1, square(n, 16, 48, 1, 1, 0, 64), false},
		{"16x16x64-8k1", 1, square(n, 16, 64, 1, 1, 0, 8), false},
		{"16x16x64-64", 1, square(n, 16, 64, 3, 1, 1, 64), false},
	}
}

// BenchmarkNets measures the passes of whole nets, interleaved with OpenBLAS's sgemm where it
// is installed, and reports the share of its rate.
func BenchmarkNets(b *testing.B) {
	for _, net := range []struct {
		name  string
		cases []benchCase
	}{
		{"impala576", impala(576)}, {"impala576fast", fast(impala(576))}, {"wide256fast", fast(wide(256))}, {"light1536", light(1536)}, {"wide256", wide(256)},
		{"impala1", impala(1)}, {"light1", light(1)}, {"wide1", wide(1)},
	} {
		b.Run(net.name, func(b *testing.B) { benchNet(b, net.cases) })
	}
}

func benchNet(b *testing.B, cases []benchCase) {
	threads := benchThreads()
	p := pool.New(threads)
	defer p.Close()
	gemm := newSgemm(threads)
	var flop, sec, ideal [3]float64
	seen := map[string]bool{} // the framework runs a benchmark more than once
	for _, c := range cases {
		r := rand.New(rand.NewPCG(1, 2))
		s := c.s
		x, w, y := random(r, s.inputs()), random(r, s.weights()), random(r, s.outputs())
		dx, dw := make([]float32, len(x)), make([]float32, len(w))
		ws := make([]float32, max(ForwardWorkspace(s, Crew{Threads: threads}), BackwardDataWorkspace(s, Crew{Threads: threads}), BackwardWeightsWorkspace(s, Crew{Threads: threads})))
		passes := []func(){
			func() { Forward(p, s, ForwardArgs{X: x, W: w, Y: y, ReLU: true, Workspace: ws}) },
			func() { BackwardData(p, s, DataArgs{DY: y, W: w, DX: dx, Workspace: ws}) },
			func() { BackwardWeights(p, s, WeightArgs{X: x, DY: y, DW: dw, Workspace: ws}) },
		}
		for i, pass := range passes {
			name := []string{"forward", "data", "weights"}[i]
			if c.noDX && i == 1 {
				continue
			}
			b.Run(c.name+"/"+name, func(b *testing.B) {
				reps := max(1, int(4e8/s.FLOP()))
				var mine, theirs []float64
				pass()
				for range max(7, b.N) {
					start := time.Now()
					for range reps {
						pass()
					}
					mine = append(mine, time.Since(start).Seconds()/float64(reps))
					theirs = append(theirs, gemm.rate())
				}
				slices.Sort(mine)
				slices.Sort(theirs)
				t, rate := mine[len(mine)/4], theirs[len(theirs)*3/4]
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(t*1e6, "us")
				b.ReportMetric(s.FLOP()/t/1e9, "GFLOP/s")
				b.ReportMetric(rate/1e9, "sgemm")
				b.ReportMetric(s.FLOP()/t/rate, "share")
				if seen[b.Name()] {
					return
				}
				seen[b.Name()] = true
				n := float64(c.times)
				flop[i] += n * s.FLOP()
				sec[i] += n * t
				ideal[i] += n * s.FLOP() / rate
			})
		}
	}
	total := [3]float64{}
	for i := range 3 {
		total[0] += flop[i]
		total[1] += sec[i]
		total[2] += ideal[i]
	}
	if total[1] > 0 {
		fmt.Printf("-- %s: %.1f GFLOP in %.2f ms, share %.3f (forward %.3f, data %.3f, weights %.3f)\n", b.Name(), total[0]/1e9,
			total[1]*1e3, total[2]/total[1], ideal[0]/sec[0], ideal[1]/sec[1], ideal[2]/sec[2])
	}
}

// benchThreads is 2, or what CONV_THREADS says.
func benchThreads() int {
	if n, err := strconv.Atoi(os.Getenv("CONV_THREADS")); err == nil {
		return n
	}
	return 2
}

// BenchmarkMaxPool reports the best time, and the bytes of x, y and dx that pass by in a second.
func BenchmarkMaxPool(b *testing.B) {
	p := pool.New(benchThreads())
	defer p.Close()
	for _, s := range []PoolShape{
		{N: 576, H: 65, W: 65, C: 16}, {N: 576, H: 33, W: 33, C: 32}, {N: 576, H: 17, W: 17, C: 32}, {N: 1, H: 65, W: 65, C: 16},
	} {
		s.KH, s.KW, s.StrideH, s.StrideW, s.PadTop, s.PadBottom, s.PadLeft, s.PadRight = 3, 3, 2, 2, 1, 1, 1, 1
		s = s.WithOut()
		r := rand.New(rand.NewPCG(1, 2))
		x, y := random(r, s.N*s.H*s.W*s.C), random(r, s.N*s.OutH*s.OutW*s.C)
		dx := make([]float32, len(x))
		for i, pass := range []func(){
			func() { MaxPoolForward(p, s, x, y) },
			func() { MaxPoolBackward(p, s, x, y, dx) },
		} {
			name := []string{"forward", "backward"}[i]
			b.Run(fmt.Sprintf("%dx%dx%dx%d/%s", s.N, s.H, s.W, s.C, name), func(b *testing.B) {
				best := math.Inf(1)
				for range max(10, b.N) {
					start := time.Now()
					pass()
					best = min(best, time.Since(start).Seconds())
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(best*1e6, "us")
				b.ReportMetric(float64(4*((1+i)*len(x)+len(y)))/best/1e9, "GB/s")
			})
		}
	}
}

// sgemm is OpenBLAS's product of two [n, n] matrices.
type sgemm struct {
	n       int32
	a, b, c []float32
	call    func(order, ta, tb, m, n, k int32, alpha float32, a *float32, lda int32, b *float32, ldb int32, beta float32, c *float32, ldc int32)
}

func newSgemm(threads int) *sgemm {
	os.Setenv("OPENBLAS_CORETYPE", "SkylakeX")
	h, err := purego.Dlopen("libopenblas.so.0", purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil
	}
	g := &sgemm{n: 768}
	r := rand.New(rand.NewPCG(1, 2))
	g.a, g.b, g.c = random(r, int(g.n*g.n)), random(r, int(g.n*g.n)), make([]float32, g.n*g.n)
	purego.RegisterLibFunc(&g.call, h, "cblas_sgemm")
	var set func(int32)
	purego.RegisterLibFunc(&set, h, "openblas_set_num_threads")
	set(int32(threads))
	return g
}

// rate returns floating-point operations a second, 0 without OpenBLAS.
func (g *sgemm) rate() float64 {
	if g == nil {
		return 0
	}
	start := time.Now()
	g.call(101, 111, 111, g.n, g.n, g.n, 1, &g.a[0], g.n, &g.b[0], g.n, 0, &g.c[0], g.n)
	n := float64(g.n)
	return 2 * n * n * n / time.Since(start).Seconds()
}
