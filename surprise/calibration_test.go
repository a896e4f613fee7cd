package surprise_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"foresee/surprise"
)

func draws(seed uint64, n int, f func(*rand.Rand) float64) []float64 {
	r := rand.New(rand.NewPCG(seed, 1))
	x := make([]float64, n)
	for i := range x {
		x[i] = f(r)
	}
	return x
}

func TestConformalCoverage(t *testing.T) {
	// Without ties p is uniform on {1/(n+1), ..., 1}, whatever the law of the scores.
	const n, trials = 19, 20000
	r := rand.New(rand.NewPCG(7, 7))
	hits := 0
	for range trials {
		x := make([]float64, n+1)
		for i := range x {
			x[i] = math.Exp(3 * r.NormFloat64())
		}
		c, err := surprise.NewConformal(x[:n])
		if err != nil {
			t.Fatal(err)
		}
		if c.P(x[n]) <= 0.1 {
			hits++
		}
	}
	if got := float64(hits) / trials; math.Abs(got-0.1) > 0.01 { // 4.7 standard errors
		t.Errorf("P(p <= 0.1) = %.4f over %d trials, want 0.1", got, trials)
	}
}

func TestConformalByHand(t *testing.T) {
	c, err := surprise.NewConformal([]float64{3, 1, 2, 2})
	if err != nil {
		t.Fatal(err)
	}
	for s, want := range map[float64]float64{0: 1, 1: 1, 1.5: 0.8, 2: 0.8, 2.5: 0.4, 3: 0.4, 9: 0.2} {
		if got := c.P(s); got != want {
			t.Errorf("P(%g) = %g, want %g", s, got, want)
		}
	}
	if !c.Calibrated(0.2) || c.Calibrated(0.19) {
		t.Errorf("4 scores: calibrated at 0.2 %v and 0.19 %v, want true and false", c.Calibrated(0.2), c.Calibrated(0.19))
	}
	for _, s := range []float64{5, 6} { // drops 3, then 1
		if err := c.Slide(s, 4); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.P(3); c.N() != 4 || got != 0.6 {
		t.Errorf("after 3 and 1 made way for 5 and 6: n %d, P(3) = %g, want 4 and 0.6", c.N(), got)
	}
	for _, s := range []float64{10, 11, 12} { // drops both 2 and the 5: 6, 10, 11, 12 are left
		if err := c.Slide(s, 4); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Sorted(); !slices.Equal(got, []float64{6, 10, 11, 12}) {
		t.Errorf("after five more scores: %v, want the last four in order", got)
	}
	if err := c.Slide(math.NaN(), 4); !errors.Is(err, surprise.ErrNotFinite) {
		t.Errorf("Slide(NaN) = %v, want ErrNotFinite", err)
	}
	if !math.IsNaN(c.P(math.NaN())) {
		t.Errorf("P(NaN) = %g, want NaN", c.P(math.NaN()))
	}
	if _, err := surprise.NewConformal(nil); !errors.Is(err, surprise.ErrTooFew) {
		t.Errorf("no scores: %v, want ErrTooFew", err)
	}
}

func TestTailRecoversLaws(t *testing.T) {
	laws := []struct {
		name  string
		shape float64
		draw  func(*rand.Rand) float64
		level func(p float64) float64
	}{
		{"exponential", 0, (*rand.Rand).ExpFloat64, func(p float64) float64 { return -math.Log(p) }},
		{"pareto 4", 0.25, func(r *rand.Rand) float64 { return math.Pow(1-r.Float64(), -0.25) }, func(p float64) float64 { return math.Pow(p, -0.25) }},
		{"uniform", -1, (*rand.Rand).Float64, func(p float64) float64 { return 1 - p }},
	}
	for _, l := range laws {
		tail, err := surprise.FitTail(draws(3, 20000, l.draw), 0.95)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(tail.Shape-l.shape) > 0.1 {
			t.Errorf("%s: shape %.3f, want %.2f", l.name, tail.Shape, l.shape)
		}
		for _, p := range []float64{1e-3, 1e-5} {
			if got := tail.Level(p); math.Abs(got/l.level(p)-1) > 0.15 {
				t.Errorf("%s: level of %g is %.4f, want %.4f", l.name, p, got, l.level(p))
			}
			if got := tail.P(tail.Level(p)); math.Abs(got/p-1) > 1e-6 {
				t.Errorf("%s: P(Level(%g)) = %g", l.name, p, got)
			}
		}
	}
	flat := make([]float64, 100)
	if _, err := surprise.FitTail(flat, 0.9); !errors.Is(err, surprise.ErrTooFew) {
		t.Errorf("equal scores: %v, want ErrTooFew", err)
	}
}

// The promise behind a budget: with 500 normal scores, thresholds for p = 1e-3
// and 1e-4, beyond the sample, are crossed about so often by fresh normal ones.
func TestTailHoldsBeyondSample(t *testing.T) {
	for _, p := range []float64{1e-3, 1e-4} {
		mean := 0.0
		const trials = 300
		for i := range trials {
			c, err := surprise.Calibrate(draws(uint64(i), 500, (*rand.Rand).ExpFloat64), surprise.CalibrationConfig{Block: 1})
			if err != nil {
				t.Fatal(err)
			}
			s, calibrated := c.Threshold(p)
			if calibrated {
				t.Fatalf("500 scores claim to be calibrated at p = %g", p)
			}
			mean += math.Exp(-s) / trials
		}
		if mean < p/3 || mean > p*3 {
			t.Errorf("threshold for p = %g is crossed with probability %.2g on average, want within a factor 3", p, mean)
		}
	}
}

func TestBlocksAgainstAutocorrelation(t *testing.T) {
	// AR(1) with φ = 0.9: τ = (1+φ)/(1-φ) = 19.
	ar := func(seed uint64, n int) []float64 {
		x := 0.0
		return draws(seed, n, func(r *rand.Rand) float64 {
			x = 0.9*x + math.Sqrt(1-0.81)*r.NormFloat64()
			return x
		})
	}
	long := ar(1, 100000)
	if tau := surprise.CorrelationTime(long); math.Abs(tau-19) > 2 {
		t.Errorf("correlation time %.2f, want 19", tau)
	}
	if tau := surprise.CorrelationTime(draws(1, 10000, (*rand.Rand).NormFloat64)); tau > 1.1 {
		t.Errorf("correlation time of white noise %.2f, want 1", tau)
	}
	c, err := surprise.Calibrate(ar(2, 40000), surprise.CalibrationConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Block < 34 || c.Block > 42 {
		t.Errorf("block of %d scores, want about 38", c.Block)
	}
	s, calibrated := c.Threshold(0.01)
	if !calibrated {
		t.Errorf("%d blocks are said to be too few for p = 0.01", c.Blocks)
	}
	over := 0
	maxima := surprise.BlockMaxima(long, c.Block)
	for _, m := range maxima {
		if m >= s {
			over++
		}
	}
	if got := float64(over) / float64(len(maxima)); got < 0.005 || got > 0.02 {
		t.Errorf("a share %.4f of %d fresh blocks is over the threshold for 0.01", got, len(maxima))
	}
}

func TestBlockMaximaByHand(t *testing.T) {
	if got := surprise.BlockMaxima([]float64{-5, -3, -4, 1, 9, 2, 7}, 3); !slices.Equal(got, []float64{-3, 9}) {
		t.Errorf("maxima of blocks of 3: %v, want [-3 9]", got)
	}
}

func TestThresholdAgreesWithP(t *testing.T) {
	c, err := surprise.Calibrate(draws(5, 999, (*rand.Rand).NormFloat64), surprise.CalibrationConfig{Block: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []float64{0.9, 0.5, 0.25, 0.12, 0.05, 0.01, 1e-4} {
		s, _ := c.Threshold(want)
		if got, _ := c.P(s); math.Abs(got/want-1) > 0.03 {
			t.Errorf("P(Threshold(%g)) = %g", want, got)
		}
	}
	if _, err := surprise.Calibrate([]float64{1, 2, 3}, surprise.CalibrationConfig{Block: 2}); !errors.Is(err, surprise.ErrTooFew) {
		t.Errorf("one block: %v, want ErrTooFew", err)
	}
}

func TestCalibrationIsStored(t *testing.T) {
	want, err := surprise.Calibrate(draws(9, 3000, (*rand.Rand).NormFloat64), surprise.CalibrationConfig{Block: 5})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got surprise.Calibration
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	for _, p := range []float64{0.5, 0.05, 1e-6} {
		a, sureA := want.Threshold(p)
		b, sureB := got.Threshold(p)
		if a != b || sureA != sureB || got.Block != 5 || got.Blocks != 600 {
			t.Errorf("threshold of %g is %v %v after reading, %v %v before", p, b, sureB, a, sureA)
		}
	}
	for _, bad := range []string{`{"block":0,"quantile":0.9,"maxima":[1,2]}`, `{"block":1,"quantile":1,"maxima":[1,2]}`, `{"block":1,"quantile":0.9,"maxima":[1]}`, `{"blok":1}`, `[]`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("%s is accepted", bad)
		}
	}
}

func TestBudgetLevel(t *testing.T) {
	b := surprise.Budget{Alarms: 1, Per: 24 * time.Hour}
	if got := b.Level(10 * time.Second); math.Abs(got-1./8640) > 1e-12 {
		t.Errorf("level of 10 s blocks at 1/day = %g, want 1/8640", got)
	}
}

func TestBudgetText(t *testing.T) {
	day := 24 * time.Hour
	for text, want := range map[string]surprise.Budget{"1/day": {Alarms: 1, Per: day}, "0.5/week": {Alarms: 0.5, Per: 7 * day}, "2/36h0m0s": {Alarms: 2, Per: 36 * time.Hour}} {
		var got surprise.Budget
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
		if back, err := want.MarshalText(); err != nil || string(back) != text {
			t.Errorf("%+v is written %s, %v, want %s", want, back, err, text)
		}
	}
	for _, bad := range []string{"", "1", "/day", "0/day", "-1/day", "NaN/day", "Inf/day", "1/fortnight", "1/-3h", "1/day/day"} {
		var b surprise.Budget
		if err := b.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is accepted as %+v", bad, b)
		}
	}
}

func TestEpisodes(t *testing.T) {
	run := func(cfg surprise.EpisodeConfig, pattern string) string {
		e, err := surprise.NewEpisodes(cfg)
		if err != nil {
			t.Fatal(err)
		}
		out := ""
		for _, c := range pattern {
			if e.Observe(c == '#') {
				out += "A"
			} else if e.Open() {
				out += "o"
			} else {
				out += "."
			}
		}
		return out
	}
	cases := []struct {
		cfg             surprise.EpisodeConfig
		exceeds, alarms string
	}{
		{surprise.EpisodeConfig{}, ".#.##..", ".A.Ao.."},
		{surprise.EpisodeConfig{Refractory: 3}, ".#..#...#", ".Aooooo.A"},
		{surprise.EpisodeConfig{Need: 2, Of: 3}, "#..#..##.", ".......A."},
	}
	for _, c := range cases {
		if got := run(c.cfg, c.exceeds); got != c.alarms {
			t.Errorf("%+v: %s gives %s, want %s", c.cfg, c.exceeds, got, c.alarms)
		}
	}
	if _, err := surprise.NewEpisodes(surprise.EpisodeConfig{Need: 3, Of: 2}); err == nil {
		t.Error("3 of 2 is accepted")
	}
}

func TestMartingaleKeepsVilleAndFinds(t *testing.T) {
	const alpha, trials, steps = 0.05, 2000, 500
	r := rand.New(rand.NewPCG(11, 1))
	ever := 0
	for range trials {
		var m surprise.Martingale
		for range steps {
			if m.Observe(1-r.Float64()) >= math.Log(1/alpha) {
				ever++
				break
			}
		}
	}
	if got := float64(ever) / trials; got > alpha || got < alpha/10 {
		t.Errorf("normal p-values reach 1/%g in a share %.4f of runs, want below %g and not never", alpha, got, alpha)
	}
	// p-values a little small after a long quiet start: each unremarkable, together clear.
	m := surprise.Martingale{Restart: true}
	for range 5000 {
		m.Observe(1 - r.Float64())
	}
	delay := 0
	for delay < 1000 && m.Log() < math.Log(1e4) {
		m.Observe(math.Pow(1-r.Float64(), 4))
		delay++
	}
	if delay > 60 {
		t.Errorf("p-values of mean 0.2 found after %d, want within 60", delay)
	}
}
