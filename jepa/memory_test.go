package jepa_test

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/jepa"
)

// memory is a small memory model: cells of 3 x 3, a transformer over 5 latents, every second frame.
func memory() jepa.Config {
	return jepa.Config{
		Version: jepa.FormatVersion, Frame: jepa.FrameConfig{Height: 12, Width: 12, Channels: 3}, Input: jepa.InputMix,
		PixelMean: []float64{0.4, 0.5, 0.6}, PixelMix: []float64{3, 0.5, 0, 0.5, 2, -1, 0, -1, 4},
		Encoder: jepa.EncoderConfig{Kind: jepa.EncoderCells, Channels: []int{5, 2}, Kernels: []int{8, 1}, Strides: []int{4, 1}, Latent: 6},
		Predictor: jepa.PredictorConfig{Kind: jepa.PredictorTransformer, Hidden: []int{16, 12}, Context: 5,
			Width: 8, Blocks: 2, Heads: 2, Stride: 2, Horizons: []int{1, 3}},
		Short: jepa.PredictorConfig{Kind: jepa.PredictorCells, Hidden: []int{4}},
	}
}

// awake is fresh with readouts that are not 0, as training makes them.
func awake(t testing.TB, cfg jepa.Config) *jepa.Model {
	t.Helper()
	m := fresh(t, cfg)
	surprise(t, m, 1, cfg.Predictor.Context*cfg.Predictor.Stride, frames(cfg, cfg.Predictor.Context*cfg.Predictor.Stride))
	all := stored(t, m)
	for name, tensor := range all {
		if strings.Contains(name, "horizon") {
			copy(tensor.Data, numbers(name, len(tensor.Data)))
		}
	}
	if err := jepa.FillStore(m.Store(), all); err != nil {
		t.Fatal(err)
	}
	return m
}

// The kernels of an untrained encoder of kind cells, a column for each channel, are orthonormal.
func TestCellsBeginOrthogonal(t *testing.T) {
	cfg := memory()
	m := fresh(t, cfg)
	surprise(t, m, 1, cfg.Predictor.Context*cfg.Predictor.Stride, frames(cfg, cfg.Predictor.Context*cfg.Predictor.Stride))
	all := stored(t, m)
	for i, channels := range cfg.Encoder.Channels {
		w := all[fmt.Sprintf("encoder/conv%d/weight", i)].Data
		if len(w) == 0 {
			t.Fatalf("convolution %d has no kernel", i)
		}
		for a := range channels {
			for b := range channels {
				dot, want := 0.0, 0.0
				if a == b {
					want = 1
				}
				for row := 0; row < len(w); row += channels {
					dot += float64(w[row+a]) * float64(w[row+b])
				}
				if math.Abs(dot-want) > 1e-5 {
					t.Errorf("convolution %d: channels %d and %d have product %v, want %v", i, a, b, dot, want)
				}
			}
		}
	}
}

func surprise(t testing.TB, m *jepa.Model, n, length int, px []uint8) []float64 {
	t.Helper()
	out := make([]float64, n*length)
	if err := m.Surprise(context.Background(), n, length, px, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// remember runs Network.Remember on latents z [1, t, D] and returns the mean guesses of each horizon, [t, D].
func remember(t testing.TB, m *jepa.Model, length int, z []float32) [][]float32 {
	t.Helper()
	net := jepa.Network{Config: m.Config()}
	return guess(m, length, z, func(root *model.Scope, z *graph.Node) []*graph.Node {
		return means(whole(net, net.Remember(root, z, nil), z))
	})
}

// whole reads each horizon's guesses at every position of z [B, T, D].
func whole(net jepa.Network, r jepa.Recall, z *graph.Node) (all []jepa.Guess) {
	for k := range net.Config.Predictor.Horizons {
		all = append(all, r.Guess(k, 0, z.Shape().Dim(1)))
	}
	return all
}

func means(guesses []jepa.Guess) (all []*graph.Node) {
	for _, g := range guesses {
		all = append(all, g.Mean())
	}
	return all
}

// modes is remember for each horizon's modes [t, M, D] and, with several, the logarithms of their shares [t, M].
func modes(m *jepa.Model, length int, z []float32) (latents, shares [][]float32) {
	net := jepa.Network{Config: m.Config()}
	all := guess(m, length, z, func(root *model.Scope, z *graph.Node) (all []*graph.Node) {
		for _, g := range whole(net, net.Remember(root, z, nil), z) {
			all = append(all, g.Modes)
			if g.Shares != nil {
				all = append(all, g.Shares)
			}
		}
		return all
	})
	if m.Config().Predictor.Modes < 2 {
		return all, nil
	}
	for i := 0; i < len(all); i += 2 {
		latents, shares = append(latents, all[i]), append(shares, all[i+1])
	}
	return latents, shares
}

// brief is remember for Network.Brief.
func brief(m *jepa.Model, length int, z []float32) [][]float32 {
	net := jepa.Network{Config: m.Config()}
	return guess(m, length, z, func(root *model.Scope, z *graph.Node) []*graph.Node { return means(whole(net, net.Brief(root, z), z)) })
}

func guess(m *jepa.Model, length int, z []float32, f func(*model.Scope, *graph.Node) []*graph.Node) [][]float32 {
	exec := model.MustNewExec(m.Backend(), m.Store(), f)
	defer exec.Finalize()
	var guesses [][]float32
	for _, g := range exec.MustCall(tensors.FromFlatDataAndDimensions(z, 1, length, m.Config().Latent())) {
		guesses = append(guesses, tensors.MustCopyFlatData[float32](g))
	}
	return guesses
}

// naiveSurprise judges one clip: windows as the contract says, errors by hand.
func naiveSurprise(t testing.TB, m *jepa.Model, length int, px []uint8) []float64 {
	t.Helper()
	cfg, d := m.Config(), m.Config().Latent()
	p, out := cfg.Predictor, make([]float64, length)
	codes, all := encode(t, m, length, px), stored(t, m)
	for f := range length {
		if f%p.Stride%max(1, p.Stride/2) != 0 {
			continue // between the frames that are judged
		}
		i, count := f/p.Stride, (length-f%p.Stride+p.Stride-1)/p.Stride // of the frames that are seen with f
		from, end := 0, min(count, p.Context)                           // the window that judges i
		for i >= end {
			end = min(count, end+p.Context/2)
			from = end - p.Context
		}
		neighbour := func(j int) []float32 { // the latent seen j positions after i, or itself outside of the window
			if i+j < from || i+j >= end {
				j = 0
			}
			g := f + j*p.Stride
			return codes[g*d : (g+1)*d]
		}
		var z []float32
		for j := from; j <= i; j++ {
			g := f%p.Stride + j*p.Stride
			z = append(z, codes[g*d:(g+1)*d]...)
		}
		guesses, shares := modes(m, i+1-from, z)
		for k, ahead := range p.Horizons {
			if i-ahead < from {
				continue
			}
			wrong := func(guess []float32) (sum float64) {
				for j := range d {
					sum += math.Pow(float64(guess[j]-codes[f*d+j]), 2) / float64(d)
				}
				return sum - p.Along*naiveAlong(guess[:d], neighbour(-1), neighbour(0), neighbour(1))
			}
			at := i - ahead - from // position of the last latent seen, in z
			several := max(1, p.Modes)
			energies := make([]float64, several)
			for j := range energies {
				energies[j] = wrong(guesses[k][(at*several+j)*d:])
			}
			whole := energies[0]
			if several > 1 {
				likely := 0.0
				for j, e := range energies {
					likely += math.Exp(float64(shares[k][at*several+j]) - e/p.Temperature)
				}
				whole = -p.Temperature * math.Log(likely)
			}
			out[f] += whole / float64(len(p.Horizons))
			if p.Excess > 0 {
				lo := max(0, at-1)
				short := brief(m, at+1-lo, z[lo*d:(at+1)*d])[k][(at-lo)*d:]
				out[f] -= p.Excess * wrong(short) / float64(len(p.Horizons))
				if p.Usual > 0 {
					out[f] -= p.Usual / float64(len(p.Horizons)) * naiveUsual(all, k, at, z[lo*d:(at+1)*d], short, codes[f*d:(f+1)*d])
				}
			}
		}
	}
	return out
}

// naiveAlong is how much less the mean squared error of a guess of now gets with the best shares of the two differences
// to its neighbours taken off, each share's square costing 0.25 besides: found by descent, not by solving for them.
func naiveAlong(guess, before, now, after []float32) float64 {
	var share [2]float64
	cost := func() (sum float64) {
		for i := range guess {
			e := float64(guess[i]) - float64(now[i]) - share[0]*float64(after[i]-now[i]) - share[1]*float64(now[i]-before[i])
			sum += e * e / float64(len(guess))
		}
		return sum + 0.25*(share[0]*share[0]+share[1]*share[1])
	}
	whole := cost()
	for step := 8.0; step > 1e-7; {
		best := cost()
		better := false
		for a := range share {
			for _, by := range []float64{step, -step} {
				share[a] += by
				if c := cost(); c < best {
					best, better = c, true
				} else {
					share[a] -= by
				}
			}
		}
		if !better {
			step /= 2
		}
	}
	return whole - cost()
}

// naiveUsual is the usual error of horizon k at position at of a window: seen are the last latents up to there,
// two or the first, short is Brief's guess and came what came.
func naiveUsual(all map[string]jepa.Tensor, k, at int, seen, short, came []float32) float64 {
	d := len(came)
	of := func(name string) jepa.Tensor { return all[fmt.Sprintf("usual/horizon%d/%s", k, name)] }
	dense := func(name string, x []float64) []float64 {
		w, b := of(name+"/weight"), of(name+"/bias")
		y := make([]float64, w.Shape[1])
		for j := range y {
			y[j] = float64(b.Data[j])
			for i, v := range x {
				y[j] += v * float64(w.Data[i*len(y)+j])
			}
		}
		return y
	}
	gelu := func(x []float64) []float64 {
		for i, v := range x {
			x[i] = v * 0.5 * (1 + math.Erf(v/math.Sqrt2))
		}
		return x
	}
	now := seen[len(seen)-d:]
	x, sum := make([]float64, 4*d), 0.0
	for i := range d {
		x[i], x[d+i] = float64(now[i]), float64(now[i])-float64(seen[i])
		x[2*d+i], x[3*d+i] = float64(short[i]), float64(came[i])-float64(short[i])
		sum += x[3*d+i] * x[3*d+i]
	}
	e := sum/float64(d) + 0.01
	h, place := dense("in", append(x, math.Log(e))), of("position")
	for j := range h {
		h[j] += float64(place.Data[at*len(h)+j])
	}
	o := dense("out", gelu(dense("hidden", gelu(h))))[0]
	return e*math.Exp(max(-8, min(8, o))) - 0.01
}

func TestSurprise(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*jepa.Config)
	}{
		{"all", func(*jepa.Config) {}},
		{"excess", func(c *jepa.Config) { c.Predictor.Excess = 0.75 }},
		{"less what is usual", func(c *jepa.Config) { c.Predictor.Excess, c.Predictor.Usual = 0.25, 0.75 }},
		{"less what lies along", func(c *jepa.Config) { c.Predictor.Excess, c.Predictor.Usual, c.Predictor.Along = 0.5, 0.25, 0.75 }},
		{"along alone", func(c *jepa.Config) { c.Predictor.Along = 1 }},
		{"three modes", func(c *jepa.Config) { c.Predictor.Modes, c.Predictor.Temperature = 3, 0.5 }},
		{"three modes, less all else", func(c *jepa.Config) {
			c.Predictor.Modes, c.Predictor.Temperature = 3, 0.1
			c.Predictor.Excess, c.Predictor.Usual, c.Predictor.Along = 0.5, 0.25, 0.75
		}},
		{"carried", func(c *jepa.Config) { c.Predictor.Carry = true }},
		{"no memory", func(c *jepa.Config) { c.Predictor.Window = 1 }},
		{"every frame", func(c *jepa.Config) { c.Predictor.Stride, c.Predictor.Horizons = 1, []int{2} }},
		{"every fourth frame", func(c *jepa.Config) { c.Predictor.Stride, c.Predictor.Excess = 4, 0.5 }},
		{"pixels of components", func(c *jepa.Config) {
			c.Encoder.Channels, c.Encoder.Kernels, c.Encoder.Strides = nil, nil, nil
			c.Short = jepa.PredictorConfig{}
		}},
	} {
		cfg := memory()
		c.change(&cfg)
		m := awake(t, cfg)
		for _, length := range []int{1, 2, 9, 10, 11, 17, 24} {
			px := frames(cfg, 2*length)
			got := surprise(t, m, 2, length, px)
			for i := range 2 {
				want := naiveSurprise(t, m, length, px[i*length*cfg.Pixels():(i+1)*length*cfg.Pixels()])
				for f := range want {
					if gap := math.Abs(got[i*length+f] - want[f]); !(gap <= 1e-4*(1+math.Abs(want[f]))) {
						t.Errorf("%s, clip %d of %d frames: frame %d has surprise %g, want %g", c.name, i, length, f, got[i*length+f], want[f])
					}
				}
			}
		}
	}
}

// With Mirror a clip and its mirror image have one surprise, the mean of what each has without.
func TestSurpriseMirror(t *testing.T) {
	const n, length = 2, 9
	cfg := memory()
	cfg.Predictor.Excess = 0.5
	plain := awake(t, cfg)
	cfg.Predictor.Mirror = true
	both := awake(t, cfg)
	px := frames(cfg, n*length)
	turned, wide, c := make([]uint8, len(px)), cfg.Frame.Width, cfg.Frame.Channels
	for i := range px { // row, column, channel
		row, col := i/(wide*c), i/c%wide
		turned[(row*wide+wide-1-col)*c+i%c] = px[i]
	}
	one, other := surprise(t, plain, n, length, px), surprise(t, plain, n, length, turned)
	got, again := surprise(t, both, n, length, px), surprise(t, both, n, length, turned)
	apart := 0.0
	for i := range got {
		want := (one[i] + other[i]) / 2
		if !(math.Abs(got[i]-want) <= 1e-5*(1+math.Abs(want))) {
			t.Errorf("surprise %d is %g, want %g, the mean of %g and %g", i, got[i], want, one[i], other[i])
		}
		if !(math.Abs(again[i]-got[i]) <= 1e-5*(1+math.Abs(got[i]))) {
			t.Errorf("surprise %d of the mirror image is %g, of the clip %g", i, again[i], got[i])
		}
		apart = max(apart, math.Abs(one[i]-other[i]))
	}
	if !(apart > 1e-2) {
		t.Errorf("without Mirror the two differ by %g only", apart)
	}
}

// With Colours a clip and the same with its channels moved on have one surprise, the mean of what each has without; with
// Mirror too it is the mean over both ways round.
func TestSurpriseColours(t *testing.T) {
	const n, length = 2, 9
	cfg := memory()
	cfg.Predictor.Excess = 0.5
	c := cfg.Frame.Channels
	px := frames(cfg, n*length)
	moved := func(by int) []uint8 {
		out := make([]uint8, len(px))
		for i := range px {
			out[i] = px[i/c*c+(i+by)%c]
		}
		return out
	}
	for _, mirror := range []bool{false, true} {
		cfg.Predictor.Mirror, cfg.Predictor.Colours = mirror, false
		plain := awake(t, cfg)
		cfg.Predictor.Colours = true
		all := awake(t, cfg)
		one, want, apart := surprise(t, plain, n, length, px), make([]float64, n*length), 0.0
		for by := range c {
			for i, s := range surprise(t, plain, n, length, moved(by)) {
				want[i] += s / float64(c)
				apart = max(apart, math.Abs(s-one[i]))
			}
		}
		for by := range c {
			for i, got := range surprise(t, all, n, length, moved(by)) {
				if !(math.Abs(got-want[i]) <= 1e-5*(1+math.Abs(want[i]))) {
					t.Errorf("mirror %t: surprise %d of channels moved by %d is %g, want %g", mirror, i, by, got, want[i])
				}
			}
		}
		if !(apart > 1e-2) {
			t.Errorf("mirror %t: without Colours they differ by %g only", mirror, apart)
		}
	}
}

// Under TargetPixels the guesses are of the frame's components, not of latents.
func TestSurpriseOfPixels(t *testing.T) {
	cfg := memory()
	cfg.Predictor.Target, cfg.Predictor.Horizons, cfg.Predictor.Stride = jepa.TargetPixels, []int{1}, 1
	m := awake(t, cfg)
	net := jepa.Network{Config: cfg}
	px, d := frames(cfg, 3), cfg.Latent()
	got := surprise(t, m, 1, 3, px)
	exec := model.MustNewExec(m.Backend(), m.Store(), func(root *model.Scope, px *graph.Node) *graph.Node { return net.Project(root, jepa.ProjectPixels, px) })
	defer exec.Finalize()
	y := tensors.MustCopyFlatData[float32](exec.MustCall(tensors.FromFlatDataAndDimensions(px, 3, 12, 12, 3))[0])
	guesses := remember(t, m, 3, encode(t, m, 3, px))
	for f := 1; f < 3; f++ {
		want := 0.0
		for j := range d {
			want += math.Pow(float64(guesses[0][(f-1)*d+j]-y[f*d+j]), 2) / float64(d)
		}
		if math.Abs(got[f]-want) > 1e-4*(1+want) {
			t.Errorf("frame %d has surprise %g, want %g", f, got[f], want)
		}
	}
}

// A rollout's first step is the first horizon's guess from a context less its oldest latent: a clip of five has no target
// after its fifth, so what is known there is never learnt.
func TestMemoryRollout(t *testing.T) {
	cfg := memory()
	m, d := awake(t, cfg), cfg.Latent()
	z := numbers("z", 5*d)
	state := make([]float32, 0, 5*d)
	for i := 4; i >= 0; i-- {
		state = append(state, z[i*d:(i+1)*d]...)
	}
	got := rollout(t, m, jepa.Shape{B: 1, N: 1, L: 1}, state, nil)
	near(t, "guess", got, remember(t, m, 4, z[d:])[0][3*d:], 1e-5)
	several := cfg
	several.Predictor.Modes, several.Predictor.Temperature = 3, 0.1
	m = awake(t, several)
	near(t, "mean guess", rollout(t, m, jepa.Shape{B: 1, N: 1, L: 1}, state, nil), remember(t, m, 4, z[d:])[0][3*d:], 1e-5)
	several.Predictor.Rank, several.Predictor.Copy = 2, true
	m = awake(t, several)
	near(t, "mean of changed copies", rollout(t, m, jepa.Shape{B: 1, N: 1, L: 1}, state, nil), remember(t, m, 4, z[d:])[0][3*d:], 1e-5)
	untrained := fresh(t, cfg)
	near(t, "untrained guess", rollout(t, untrained, jepa.Shape{B: 1, N: 1, L: 1}, state, nil), z[4*d:], 0)
}

// What is guessed of a clip is what a memory that sees all of it guesses where a target follows, and what Brief does; a
// clip too short for any target has no guesses.
func TestGuesses(t *testing.T) {
	cfg := memory()
	cfg.Predictor.Modes, cfg.Predictor.Temperature, cfg.Predictor.Rank, cfg.Predictor.Copy, cfg.Predictor.Carry = 3, 0.1, 2, true, true
	m, d := awake(t, cfg), cfg.Latent()
	net, z := jepa.Network{Config: m.Config()}, numbers("z", 5*cfg.Latent())
	short := guess(m, 5, z, func(root *model.Scope, z *graph.Node) []*graph.Node { return means(net.Guesses(root, z, nil)) })
	shortBrief := guess(m, 5, z, func(root *model.Scope, z *graph.Node) []*graph.Node { return means(net.BriefGuesses(root, z)) })
	all, allBrief := remember(t, m, 5, z), brief(m, 5, z)
	if len(short) != len(cfg.Predictor.Horizons) || len(shortBrief) != len(short) {
		t.Fatalf("%d and %d guesses, want one of each of %d horizons", len(short), len(shortBrief), len(cfg.Predictor.Horizons))
	}
	for k, ahead := range cfg.Predictor.Horizons {
		near(t, "guess", short[k], all[k][:(5-ahead)*d], 1e-5)
		near(t, "brief guess", shortBrief[k], allBrief[k][:(5-ahead)*d], 1e-5)
	}
	hidden := []float32{0, 0, 1, 0, 0}
	masked := func(whole bool) [][]float32 {
		return guess(m, 5, z, func(root *model.Scope, z *graph.Node) []*graph.Node {
			h := graph.Const(z.Graph(), [][]float32{hidden})
			if whole {
				return means([]jepa.Guess{net.Remember(root, z, h).Guess(0, 0, 4)})
			}
			return means(net.Guesses(root, z, h)[:1])
		})
	}
	near(t, "guess with a latent hidden", masked(false)[0], masked(true)[0], 1e-5)
	one := guess(m, 1, z[:d], func(root *model.Scope, z *graph.Node) []*graph.Node {
		return append(means(net.Guesses(root, z, nil)), append(means(net.BriefGuesses(root, z)), z)...)
	})
	if len(one) != 1 {
		t.Errorf("%d guesses of a clip of one latent, want none", len(one)-1)
	}
}

// The grid's patches fall into place: a decoder that copies each cell to its patch draws a chequerboard of cells.
func TestCellsDecode(t *testing.T) {
	cfg := memory()
	m := fresh(t, cfg)
	net := jepa.Network{Config: cfg}
	exec := model.MustNewExec(m.Backend(), m.Store(), net.CellsDecode)
	defer exec.Finalize()
	grid := make([]float32, 9*2)
	for cell := range 9 {
		grid[2*cell] = float32(cell)
	}
	exec.MustCall(tensors.FromFlatDataAndDimensions(grid, 1, 3, 3, 2))
	weight := make([]float32, 2*4*4*3)
	for i := range 4 * 4 * 3 {
		weight[i] = 1 // of the first channel, to every pixel of the patch
	}
	scope := "short/decode/"
	if err := jepa.FillStore(m.Store(), map[string]jepa.Tensor{
		scope + "weight": {Shape: []int{1, 1, 2, 48}, Data: weight}, scope + "bias": {Shape: []int{48}, Data: make([]float32, 48)},
	}); err != nil {
		t.Fatal(err)
	}
	out := tensors.MustCopyFlatData[float32](exec.MustCall(tensors.FromFlatDataAndDimensions(grid, 1, 3, 3, 2))[0])
	for i, v := range out {
		y, x := i/(12*3), i/3%12
		if want := float32(y/4*3 + x/4); v != want {
			t.Fatalf("pixel (%d, %d) is %v, want %v", y, x, v, want)
		}
	}
}

// A guess depends on no later latent and on nothing that is hidden, and on the rest it does.
func TestMemorySees(t *testing.T) {
	cfg := memory()
	m, d := awake(t, cfg), cfg.Latent()
	z := numbers("z", 5*d)
	before := veiled(t, m, z)
	for step := range 5 {
		for i := range d {
			other := slices.Clone(z)
			other[step*d+i] += 3
			after, first := veiled(t, m, other), 5
			for at := range after[0] {
				if after[0][at] != before[0][at] || after[1][at] != before[1][at] {
					first = at / d
					break
				}
			}
			want := step
			if step == 1 {
				want = 5
			}
			if first != want {
				t.Errorf("number %d of step %d changes guesses from step %d on, want %d", i, step, first, want)
			}
		}
	}
	untrained := veiled(t, fresh(t, cfg), z)
	near(t, "untrained guess where nothing is seen", untrained[0][d:2*d], make([]float32, d), 0)
	near(t, "untrained guess", untrained[0][2*d:], z[2*d:], 0)
}

func stored(t testing.TB, m *jepa.Model) map[string]jepa.Tensor {
	t.Helper()
	all, err := jepa.ReadStore(m.Store(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// What a gated readout changes about the newest latent is linear in the weights it is shown through, and in its gates
// alone it is not.
func TestMemoryGate(t *testing.T) {
	cfg := memory()
	d, z := cfg.Latent(), numbers("z", 5*cfg.Latent())
	for _, c := range []struct {
		gate   bool
		double string
		linear bool
	}{{true, "predictor/readout/value/", true}, {true, "predictor/readout/gate/", false}, {false, "predictor/readout/", false}} {
		cfg.Predictor.Gate = c.gate
		m := awake(t, cfg)
		bias := stored(t, m)["predictor/horizon0/bias"].Data
		change := func() []float32 {
			g := remember(t, m, 5, z)[0]
			for i := range g {
				g[i] -= z[i] + bias[i%d]
			}
			return g
		}
		before := change()
		all := stored(t, m)
		for name, tensor := range all {
			if strings.HasPrefix(name, c.double) {
				for i := range tensor.Data {
					tensor.Data[i] *= 2
				}
			}
		}
		if err := jepa.FillStore(m.Store(), all); err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, v := range change() {
			worst = max(worst, math.Abs(float64(v-2*before[i])))
		}
		if linear := worst < 1e-4; linear != c.linear {
			t.Errorf("gate %v, %s doubled: the change is off twice the one before by %g, want linear %v", c.gate, c.double, worst, c.linear)
		}
	}
}

// Brief repeats the newest latent until it has learnt, and then knows of two latents, not of those before.
func TestMemoryBrief(t *testing.T) {
	cfg := memory()
	cfg.Predictor.Excess = 0.5
	d, z := cfg.Latent(), numbers("z", 5*cfg.Latent())
	near(t, "untrained guess", brief(fresh(t, cfg), 5, z)[1], z, 0)
	m := awake(t, cfg)
	before := brief(m, 5, z)[0]
	for step := range 5 {
		other := slices.Clone(z)
		other[step*d] += 3
		after := brief(m, 5, other)[0]
		for at := range 5 {
			changed := !slices.Equal(after[at*d:(at+1)*d], before[at*d:(at+1)*d])
			if want := at == step || at == step+1; changed != want {
				t.Errorf("step %d changes the guess at %d: %v, want %v", step, at, changed, want)
			}
		}
	}
}

// veiled is remember of a clip of 5 latents of which the second is not shown.
func veiled(t testing.TB, m *jepa.Model, z []float32) [][]float32 {
	t.Helper()
	net := jepa.Network{Config: m.Config()}
	exec := model.MustNewExec(m.Backend(), m.Store(), func(root *model.Scope, z, hidden *graph.Node) []*graph.Node {
		return means(whole(net, net.Remember(root, z, hidden), z))
	})
	defer exec.Finalize()
	var guesses [][]float32
	in := tensors.FromFlatDataAndDimensions(z, 1, 5, m.Config().Latent())
	for _, g := range exec.MustCall(in, tensors.FromFlatDataAndDimensions([]float32{0, 1, 0, 0, 0}, 1, 5)) {
		guesses = append(guesses, tensors.MustCopyFlatData[float32](g))
	}
	return guesses
}

// usual is a model with all that a memory can have, whose surprise is less the usual error.
func usual(t testing.TB) *jepa.Model {
	t.Helper()
	cfg := memory()
	cfg.Predictor.Excess, cfg.Predictor.Usual = 0.5, 0.5
	cfg.Predictor.Modes, cfg.Predictor.Temperature, cfg.Predictor.Carry = 3, 0.1, true
	cfg.Predictor.Rank, cfg.Predictor.Copy = 2, true
	return awake(t, cfg)
}

// With a rank of 2, how far a mode is from the first one is, over all positions, made of two directions and a bias.
func TestMemoryRank(t *testing.T) {
	for rank, want := range map[int]bool{2: true, 0: false} {
		cfg := memory()
		cfg.Predictor.Modes, cfg.Predictor.Temperature, cfg.Predictor.Rank = 3, 0.1, rank
		m, d := awake(t, cfg), cfg.Latent()
		latents, _ := modes(m, 5, numbers("z", 5*d))
		row := func(at int) []float64 {
			x := make([]float64, 2*d)
			for j := range x {
				x[j] = float64(latents[0][(at*3+1)*d+j] - latents[0][at*3*d+j%d])
			}
			return x
		}
		first, left := row(0), 0.0 // differences of rows have no bias
		var basis [][]float64
		for at := 1; at < 5; at++ {
			x := row(at)
			for j := range x {
				x[j] -= first[j]
			}
			for _, b := range basis {
				s := dot(x, b)
				for j := range x {
					x[j] -= s * b[j]
				}
			}
			if size := math.Sqrt(dot(x, x)); len(basis) < 2 {
				for j := range x {
					x[j] /= size
				}
				basis = append(basis, x)
			} else {
				left = max(left, size)
			}
		}
		if within := left < 1e-4; within != want {
			t.Errorf("rank %d: %g is left of what two directions do not make", rank, left)
		}
	}
}

func dot(a, b []float64) (sum float64) {
	for i, v := range a {
		sum += v * b[i]
	}
	return sum
}

// A copy of what was seen before brings along all of it: told to look one latent back, an otherwise untrained memory
// guesses that latent again, to the last number.
func TestMemoryCopies(t *testing.T) {
	cfg := memory()
	cfg.Predictor.Copy = true
	m, d := fresh(t, cfg), cfg.Latent()
	z := numbers("z", 5*d)
	remember(t, m, 5, z)
	all := stored(t, m)
	all["predictor/horizon0/copies/lag"].Data[1] = 100 // of one latent before
	if err := jepa.FillStore(m.Store(), all); err != nil {
		t.Fatal(err)
	}
	near(t, "guess", remember(t, m, 5, z)[0][d:], z[:4*d], 1e-5)
}

func TestMemoryOnDisk(t *testing.T) {
	m, dir := usual(t), filepath.Join(t.TempDir(), "model")
	px := frames(m.Config(), 10)
	want := surprise(t, m, 1, 10, px)
	if err := m.Save(dir, nil); err != nil {
		t.Fatal(err)
	}
	got, err := jepa.Load(backend(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	if scores := surprise(t, got, 1, 10, px); !slices.Equal(scores, want) {
		t.Errorf("scores %v, want %v", scores, want)
	}
}

func TestMemoryConfig(t *testing.T) {
	for says, change := range map[string]func(*jepa.Config){
		"pixel_mix has 3 numbers":                           func(c *jepa.Config) { c.PixelMix = c.PixelMix[:3] },
		"encoder cells, predictor mlp":                      func(c *jepa.Config) { c.Predictor = jepa.PredictorConfig{Kind: jepa.PredictorMLP, Hidden: []int{4}} },
		"encoder conv, predictor transformer":               func(c *jepa.Config) { c.Encoder.Kind = jepa.EncoderConv },
		"takes no actions, action_dim is 2":                 func(c *jepa.Config) { c.ActionDim = 2 },
		"heads is 3, want a divisor of width 8":             func(c *jepa.Config) { c.Predictor.Heads = 3 },
		"horizons [3 1]":                                    func(c *jepa.Config) { c.Predictor.Horizons = []int{3, 1} },
		"horizons [5]":                                      func(c *jepa.Config) { c.Predictor.Horizons = []int{5} },
		"stride and context is 0":                           func(c *jepa.Config) { c.Predictor.Stride = 0 },
		`target is "words"`:                                 func(c *jepa.Config) { c.Predictor.Target = "words" },
		"carry is true and copy false with window":          func(c *jepa.Config) { c.Predictor.Carry, c.Predictor.Window = true, 2 },
		"copy true with window 2":                           func(c *jepa.Config) { c.Predictor.Copy, c.Predictor.Window = true, 2 },
		"only a transformer carries a state":                func(c *jepa.Config) { c.Short.Carry = true },
		"a state or copies":                                 func(c *jepa.Config) { c.Short.Copy = true },
		`copy is on, but what is seen`:                      func(c *jepa.Config) { c.Predictor.Copy, c.Predictor.Target = true, jepa.TargetPixels },
		"colours true, but only a transformer judges clips": func(c *jepa.Config) { c.Short.Colours = true },
		"frames have 1 channel": func(c *jepa.Config) {
			c.Predictor.Colours, c.Frame.Channels, c.PixelMean, c.PixelMix = true, 1, []float64{0.5}, []float64{1}
		},
		"rank is -1":                               func(c *jepa.Config) { c.Predictor.Rank = -1 },
		"rank is 2 with 1 modes":                   func(c *jepa.Config) { c.Predictor.Rank = 2 },
		"modes is -1":                              func(c *jepa.Config) { c.Predictor.Modes = -1 },
		"temperature is 0 with 2 modes":            func(c *jepa.Config) { c.Predictor.Modes = 2 },
		"temperature is 0.5 with 1 modes":          func(c *jepa.Config) { c.Predictor.Temperature = 0.5 },
		"only a transformer guesses in modes":      func(c *jepa.Config) { c.Short.Modes = 2 },
		"excess is 1.5":                            func(c *jepa.Config) { c.Predictor.Excess = 1.5 },
		"only a transformer has usual errors":      func(c *jepa.Config) { c.Short.Usual = 0.5 },
		"along is 1.5":                             func(c *jepa.Config) { c.Predictor.Along = 1.5 },
		"only a transformer judges clips":          func(c *jepa.Config) { c.Short.Along = 0.5 },
		"usual is 1.5":                             func(c *jepa.Config) { c.Predictor.Excess, c.Predictor.Usual = 0.5, 1.5 },
		"usual is 0.5, want 0 to 1, and 0 where":   func(c *jepa.Config) { c.Predictor.Usual = 0.5 },
		"window is -1":                             func(c *jepa.Config) { c.Predictor.Window = -1 },
		"predictor cells has hidden widths and is": func(c *jepa.Config) { c.Predictor.Kind = jepa.PredictorCells },
	} {
		cfg := memory()
		change(&cfg)
		wantError(t, cfg.Validate(), says)
	}
	if err := memory().Validate(); err != nil {
		t.Error(err)
	}
}
