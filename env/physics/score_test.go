package physics

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// The gate of the benchmark: every trivial score whose window fits into the hidden run gets exactly half of the
// pairs, one of each quadruplet, clean and under noise; a memory without physics settles the memory families and half
// of the others, and the oracle all.
func TestFloorsAndCeiling(t *testing.T) {
	ref := fitted(12)
	scored := 0
	for _, f := range Families() {
		var still []float64
		for i := range 16 {
			cfg := Config{Noise: Noise(i % 8), Level: 3, Plain: i >= 8}
			q := Quad(cfg, f, quadSeed, i)
			ts := ref.Trivials(q.Hidden)
			for k, s := range trivialScores(ref, ts, &q) {
				b := ts[k]
				if v := Judge(&q, s); v.Prefix != 0.5 || v.Suffix != 0.5 {
					t.Errorf("%v index %d: %s gets prefix %g, suffix %g, want 0.5", f, i, b.Name, v.Prefix, v.Suffix)
				}
				scored++
			}
			o := Oracle(&q)
			if v := Judge(&q, o); v.Prefix != 1 || v.Suffix != 1 || v.Max[0] != 0 || v.Max[1] != 0 {
				t.Errorf("%v index %d: the oracle gets %+v", f, i, v)
			}
		}
		for i := range 40 {
			q := Quad(Config{}, f, quadSeed, i)
			still = append(still, Judge(&q, Still(&q)).Prefix)
		}
		a := mean(still)
		if f.Memory() && a != 1 {
			t.Errorf("%v: memory gets %.3f, want 1", f, a)
		}
		if !f.Memory() && math.Abs(a-0.5) > 0.05 {
			t.Errorf("%v: memory gets %.3f, want about 0.5", f, a)
		}
	}
	if scored < 2*10*8*10 {
		t.Errorf("%d scores, want at least %d", scored, 2*10*8*10)
	}
}

// In full view the frame difference must win: the positive control of all of the above.
func TestVisibleViolationsAreSeen(t *testing.T) {
	ref := fitted(4)
	for _, f := range []Family{VisibleTeleport, VisibleColour} {
		got := map[string][]float64{}
		for i := range 20 {
			q := Quad(Config{}, f, quadSeed, i)
			ts := ref.Trivials(5)
			for k, s := range trivialScores(ref, ts, &q) {
				got[ts[k].Name] = append(got[ts[k].Name], Judge(&q, s).Prefix)
			}
		}
		for _, name := range []string{"frame-difference", "second-difference", "linear-prediction"} {
			if a := mean(got[name]); !(a > 0.8) || len(got[name]) != 20 {
				t.Errorf("%v: %s gets %.3f of %d quadruplets, want over 0.8 of 20", f, name, a, len(got[name]))
			}
		}
	}
}

// fitted is the reference of n training clips.
func fitted(n int) *Reference {
	var clips [][]uint8
	for i := range n {
		clips = append(clips, Train(Config{}, 1, i).Pixels)
	}
	return Fit(Size, Size, Channels, clips...)
}

// trivialScores scores the four clips of q by each trivial score.
func trivialScores(ref *Reference, ts []Trivial, q *Quadruplet) []Scores {
	scores := make([]Scores, len(ts))
	for c, clip := range q.Clips() {
		for k, row := range ref.Apply(ts, clip.Pixels) {
			scores[k][c] = row
		}
	}
	return scores
}

// Scores by hand: of pixels, of pooled frames, at shapes that 4 does not divide.
func TestTrivialsByHand(t *testing.T) {
	const h, w = 5, 6
	clip := make([]uint8, 7*h*w) // one channel: frame t is grey t², its last pixel 100
	for t := range 7 {
		for i := range h * w {
			clip[t*h*w+i] = uint8(t * t)
		}
		clip[(t+1)*h*w-1] = 100
	}
	ref := Fit(h, w, 1, clip)
	want := map[string]float64{ // of frame 6
		"intensity":              (29*36 + 100) / 30.,
		"frame-difference":       29 * 11 / 30.,
		"second-difference":      29 * 2 / 30.,
		"path-step":              math.Sqrt(3*11*11 + 5.5*5.5), // the last of 4 cells pools 2 pixels, one of them constant
		"path-curvature":         0,                            // one direction
		"path-second-difference": math.Sqrt(3*2*2 + 1*1),
	}
	ts := ref.Trivials(5)
	if len(ts) != 10 {
		t.Errorf("%d scores of one channel, want 10", len(ts))
	}
	for k, row := range ref.Apply(ts, clip) {
		b := ts[k]
		if x, ok := want[b.Name]; ok && math.Abs(row[6]-x) > 1e-9 {
			t.Errorf("%s = %g, want %g", b.Name, row[6], x)
		}
		for u, x := range row {
			if u < b.Window-1 && x != 0 {
				t.Errorf("%s at frame %d = %g, before its window is full", b.Name, u, x)
			}
			if u >= b.Window-1 {
				short := ref.Apply([]Trivial{b}, clip[(u-b.Window+1)*h*w:(u+1)*h*w])
				if short[0][b.Window-1] != x {
					t.Errorf("%s at frame %d = %g, of its window alone %g", b.Name, u, x, short[0][b.Window-1])
				}
			}
		}
	}
	if n := len(fitted(1).Trivials(0)); n != 3 {
		t.Errorf("%d scores of single frames, want 3", n)
	}
	black := Fit(h, w, 1, make([]uint8, 3*h*w))
	for k, row := range black.Apply(black.Trivials(5), make([]uint8, 9*h*w)) {
		if x := row[8]; x != x {
			t.Errorf("score %d of black frames is %g", k, x)
		}
	}
}

// Linear prediction finds the coefficients of a sequence that has some.
func TestSolve(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	x := []float64{1, 0.5}
	for len(x) < 4000 {
		n := len(x)
		x = append(x, 0.6*x[n-1]-0.3*x[n-2]+r.NormFloat64())
	}
	var gram [maxOrder + 1][maxOrder + 1]float64
	for t := maxOrder; t < len(x); t++ {
		for j := range gram {
			for k := range gram {
				gram[j][k] += x[t-j] * x[t-k]
			}
		}
	}
	for order, want := range map[int][]float64{2: {0.6, -0.3}, 5: {0.6, -0.3, 0, 0, 0}} {
		for k, a := range solve(&gram, order) {
			if math.Abs(a-want[k]) > 0.05 {
				t.Errorf("order %d: coefficient %d = %.3f, want %.1f", order, k, a, want[k])
			}
		}
	}
}

// Means are compared exactly: sums that differ only in the order of their terms tie.
func TestJudgeIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		q := Quadruplet{Splice: 10}
		var s Scores
		for c := range 2 {
			for range 32 {
				s[c] = append(s[c], r.Float64()*math.Exp(10*r.NormFloat64()))
			}
		}
		s[2] = append(append([]float64{}, s[0][:10]...), s[1][10:]...)
		s[3] = append(append([]float64{}, s[1][:10]...), s[0][10:]...)
		if v := Judge(&q, s); v.Prefix != 0.5 || v.Suffix != 0.5 {
			t.Fatalf("spliced scores get %+v", v)
		}
	}
	q := Quadruplet{Splice: 1}
	v := Judge(&q, Scores{{0, 1}, {0, 2}, {0, 1}, {0, 3}})
	if v.Prefix != 0.75 || v.Suffix != 0.5 || v.PrefixMax != 0.75 || v.Mean[3] != 1.5 || v.Max[3] != 3 {
		t.Errorf("Judge = %+v", v)
	}
}

func TestJudgePanics(t *testing.T) {
	for name, s := range map[string]Scores{
		"NaN":    {{0, math.NaN()}, {0, 0}, {0, 0}, {0, 0}},
		"length": {{0, 1}, {0, 1}, {0, 1}, {0}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			Judge(&Quadruplet{Splice: 1}, s)
		}()
	}
}

func TestSingleAgainstNaive(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		draw := func() []float64 {
			x := make([]float64, 1+r.IntN(9))
			for i := range x {
				x[i] = float64(r.IntN(5))
			}
			return x
		}
		p, q := draw(), draw()
		want := 0.
		for _, x := range q {
			for _, y := range p {
				want += below(y, x)
			}
		}
		want /= float64(len(p) * len(q))
		if got := Single(p, q); math.Abs(got-want) > 1e-12 {
			t.Errorf("Single(%v, %v) = %g, want %g", p, q, got, want)
		}
	}
	if x := Single(nil, []float64{1}); !math.IsNaN(x) {
		t.Errorf("Single of nothing = %g", x)
	}
}

// mean is the share of pairs over quadruplets.
func mean(shares []float64) float64 {
	sum := 0.
	for _, x := range shares {
		sum += x
	}
	return sum / float64(len(shares))
}

func ExampleQuad() {
	q := Quad(Config{Hidden: 8}, Solidity, 1, 0)
	v := Judge(&q, Oracle(&q))
	fmt.Println(q.Hidden, len(q.P1.Pixels) == Frames*Size*Size*Channels, v.Prefix, v.Suffix)
	// Output: 8 true 1 1
}

func BenchmarkTrain(b *testing.B) {
	for n := N0; n <= N7; n++ {
		b.Run(fmt.Sprintf("N%d", n), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				Train(Config{Noise: n}, 1, i)
				i++
			}
			b.ReportMetric(float64(i*Frames)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}

func BenchmarkQuad(b *testing.B) {
	for f := range families {
		b.Run(f.String(), func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				Quad(Config{}, f, 1, i)
				i++
			}
			b.ReportMetric(float64(4*i*Frames)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}

// Names lead back to what they name.
func TestNames(t *testing.T) {
	if n := len(AllFamilies()); n != 13 {
		t.Errorf("%d families, want 13", n)
	}
	for _, f := range AllFamilies() {
		if got, err := ParseFamily(f.String()); got != f || err != nil {
			t.Errorf("ParseFamily(%v) = %v, %v", f, got, err)
		}
	}
	for s := range splits {
		if got, err := ParseSplit(s.String()); got != s || err != nil {
			t.Errorf("ParseSplit(%v) = %v, %v", s, got, err)
		}
	}
	if _, err := ParseFamily("magic"); err == nil || !strings.Contains(err.Error(), "magic") {
		t.Errorf("family magic: %v", err)
	}
	if _, err := ParseSplit("magic"); err == nil || !strings.Contains(err.Error(), "unseen-colours") {
		t.Errorf("split magic: %v", err)
	}
}
