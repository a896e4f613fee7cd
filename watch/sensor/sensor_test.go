package sensor

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"
)

var begin = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

func scorers() map[string]func() Scorer {
	return map[string]func() Scorer{
		"persistence": func() Scorer { return &Persistence{} },
		"ewma":        func() Scorer { return &EWMA{} },
		"gaussian":    func() Scorer { return &Gaussian{} },
		"pca":         func() Scorer { return &PCA{} },
		"jepa":        func() Scorer { return &JEPA{} },
		"novelty":     func() Scorer { return &Novelty{} },
	}
}

// plant is a daily wave with correlated noise on two channels, the second half
// the first.
func plant(seed uint64, n int) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 9))
	out, noise := make([][]float64, n), 0.0
	for i := range out {
		noise = 0.7*noise + rng.NormFloat64()
		wave := 5 * math.Sin(2*math.Pi*float64(i)/288)
		v := 100 + wave + noise
		out[i] = []float64{v, v/2 + 0.1*rng.NormFloat64()}
	}
	return out
}

func at(i int) time.Time { return begin.Add(time.Duration(i) * 5 * time.Minute) }

func alarms(t *testing.T, m *Monitor, x [][]float64) (rows []int) {
	t.Helper()
	for i, v := range x {
		if m.Observe(at(i), v).Alarm {
			rows = append(rows, i)
		}
	}
	return rows
}

func monitor(t *testing.T, cfg Config, s ...Scorer) *Monitor {
	t.Helper()
	m, err := NewMonitor(cfg, s...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryScorerFindsASpikeAndKeepsItsBudget(t *testing.T) {
	for name, f := range scorers() {
		const n, spike = 9000, 8000
		x := plant(1, n)
		for c := range x[spike] {
			x[spike][c] += 60
		}
		rows := alarms(t, monitor(t, Config{}, f()), x)
		found := slices.ContainsFunc(rows, func(r int) bool { return r >= spike && r < spike+8 })
		if !found {
			t.Errorf("%s: alarms at %v, want one at the spike at %d", name, rows, spike)
		}
		if others := len(rows); others > 18 { // 8.5 expected at most, Poisson: 99.8 % below 18
			t.Errorf("%s: %d alarms in 8500 readings at a budget of one in 1000", name, others)
		}
	}
}

// The budget holds on normal data, and is spent: 8 runs of 8500 readings after the
// warm-up at one alarm in 1000 are 68 alarms. Half to one and a half times that is
// what foresee promises; EWMA, whose score is correlated, spends less.
func TestBudgetHoldsOnNormalData(t *testing.T) {
	for name, least := range map[string]int{"novelty": 34, "jepa": 34, "ewma": 17} {
		total := 0
		for seed := range uint64(8) {
			total += len(alarms(t, monitor(t, Config{}, scorers()[name]()), plant(seed+20, 9000)))
		}
		if total < least || total > 102 {
			t.Errorf("%s: %d alarms, want %d to 102", name, total, least)
		}
	}
}

// What only windows of both channels show: the usual values, no longer together.
func TestPCAFindsABrokenRelation(t *testing.T) {
	x := plant(2, 6000)
	for i := 5000; i < 6000; i++ {
		x[i][1] = 100 - x[i][1] // same mean and range, mirrored
	}
	find := func(s Scorer) bool {
		m, least := monitor(t, Config{}, s), 1.0
		for i, v := range x {
			if p := m.Observe(at(i), v).P; i >= 5000 && i < 5050 {
				least = min(least, p)
			}
		}
		return least < 1e-6
	}
	if !find(&PCA{}) {
		t.Error("PCA does not find that a channel is mirrored")
	}
	if find(&Gaussian{}) {
		t.Error("the values themselves give the mirrored channel away: the test proves nothing")
	}
}

func TestNoveltyIsNewOnce(t *testing.T) {
	x := plant(3, 6000)
	bump := func(from int) {
		for i := from; i < from+30; i++ {
			x[i][0] += 40 * math.Sin(float64(i-from))
			x[i][1] += 20 * math.Sin(float64(i-from))
		}
	}
	bump(3000)
	bump(5000)
	n := &Novelty{K: 1}
	top := func(from int, s []float64) float64 { return slices.Max(s[from : from+30]) }
	var scores []float64
	for i, v := range x {
		s, _ := n.Observe(at(i), v)
		scores = append(scores, s)
	}
	if first, again := top(3000, scores), top(5000, scores); again > first/2 {
		t.Errorf("the same event scores %.2f first and %.2f again, want less than half", first, again)
	}
}

func TestNearestAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 200 {
		n := &Novelty{K: 1 + rng.IntN(4), d: 1 + rng.IntN(7)}
		count := n.K + rng.IntN(40)
		for range count * n.d {
			n.ring = append(n.ring, rng.NormFloat64())
		}
		u := make([]float64, n.d)
		for i := range u {
			u[i] = rng.NormFloat64()
		}
		var all []float64
		for r := range count {
			sum := 0.0
			for i, v := range u {
				sum += (v - n.ring[r*n.d+i]) * (v - n.ring[r*n.d+i])
			}
			all = append(all, math.Sqrt(sum))
		}
		slices.Sort(all)
		if got := n.nearest(u); got != all[n.K-1] {
			t.Fatalf("%d-th nearest of %d in %d dimensions = %g, want %g", n.K, count, n.d, got, all[n.K-1])
		}
	}
}

func TestViewByHand(t *testing.T) {
	v := view{lags: 2, octaves: 2}
	var u []float64
	known := 0
	for i := 1; i <= 40; i++ {
		w, ok := v.observe([]float64{float64(i * i)})
		if ok {
			u = w
			known++
		}
	}
	if known != 33 {
		t.Fatalf("%d windows of 40 readings, want 33: each needs 8", known)
	}
	sq := func(i int) float64 { return float64(i * i) }
	want := []float64{sq(40), sq(39), (sq(38) + sq(37)) / 2, (sq(36) + sq(35) + sq(34) + sq(33)) / 4}
	m := v.moments[0]
	for i, w := range want {
		if got := u[i]*math.Sqrt(m.square/m.weight) + m.mean; math.Abs(got-w) > 1e-6 {
			t.Errorf("window[%d] = %g, want %g", i, got, w)
		}
	}
}

func TestGaussianAgainstNaive(t *testing.T) {
	g, rng := &Gaussian{Window: 50}, rand.New(rand.NewPCG(6, 6))
	var seen []float64
	for i := range 300 {
		v := 1e4 + rng.NormFloat64()
		got, known := g.Observe(at(i), []float64{v})
		last := seen[max(0, len(seen)-50):]
		seen = append(seen, v)
		if !known {
			continue
		}
		mean, square := 0.0, 0.0
		for _, x := range last {
			mean += x / float64(len(last))
		}
		for _, x := range last {
			square += (x - mean) * (x - mean) / float64(len(last))
		}
		if want := math.Abs(v-mean) / math.Sqrt(square); math.Abs(got-want) > 1e-9 {
			t.Fatalf("reading %d: %g, want %g", i, got, want)
		}
	}
}

// Recursive least squares against the ridge regression that it is.
func TestRLSAgainstBatch(t *testing.T) {
	const n, fade = 60, 0.9998
	r, rng := newRLS(3, 1), rand.New(rand.NewPCG(8, 8))
	a, b := mat.NewDense(3, 3, nil), mat.NewVecDense(3, nil)
	for i := range 3 {
		a.Set(i, i, 0.1*math.Pow(fade, n)) // P starts at 10
	}
	for i := range n {
		x, y := rng.NormFloat64(), rng.NormFloat64()
		h := mat.NewVecDense(3, []float64{1, x, x + 0.3*y})
		z := 2*x - y + rng.NormFloat64()
		r.learn(h.RawVector().Data, []float64{z})
		w := math.Pow(fade, float64(n-1-i))
		var outer mat.Dense
		outer.Outer(w, h, h)
		a.Add(a, &outer)
		b.AddScaledVec(b, w*z, h)
	}
	var want mat.VecDense
	if err := want.SolveVec(a, b); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if got := r.w.At(0, i); math.Abs(got-want.AtVec(i)) > 1e-8 {
			t.Errorf("weight %d = %.9f, batch %.9f", i, got, want.AtVec(i))
		}
	}
}

func TestMissingReadings(t *testing.T) {
	m := monitor(t, Config{WarmUp: 100}, &EWMA{})
	clean := monitor(t, Config{WarmUp: 100}, &EWMA{})
	missing := 0
	for i, v := range plant(5, 1000) {
		if i%50 == 7 {
			for _, bad := range []float64{math.NaN(), math.Inf(1)} {
				if r := m.Observe(at(i), []float64{v[0], bad}); r.Missing && !r.Alarm {
					missing++
				}
			}
		}
		if got, want := m.Observe(at(i), v), clean.Observe(at(i), v); got != want {
			t.Fatalf("reading %d: %+v after missing ones, %+v without", i, got, want)
		}
	}
	if missing != 40 {
		t.Errorf("%d readings are said to be missing, want 40", missing)
	}
}

func TestNothingIsLearntInAnAlarm(t *testing.T) {
	m := monitor(t, Config{WarmUp: 100, Refractory: 50}, &Gaussian{})
	x := plant(6, 1200)
	for i := range 20 {
		x[1000+i][0] += 200
	}
	n := 0
	for i, v := range x {
		r := m.Observe(at(i), v)
		if i == 999 {
			n = m.usual[0].sample.N()
		}
		if i == 1060 {
			if !r.Open {
				t.Fatal("no alarm is open after the jump")
			}
			if got := m.usual[0].sample.N(); got != n+1 {
				t.Errorf("%d scores count as normal during the alarm, want the %d before it and the one that began it", got, n)
			}
		}
	}
	if got := m.usual[0].sample.N(); got <= n {
		t.Errorf("after the alarm %d scores count as normal, want more than %d again", got, n)
	}
}

func TestMonitorSaysWhatItCannotResolve(t *testing.T) {
	m := monitor(t, Config{WarmUp: 50, Rate: 1.0 / 500}, &EWMA{})
	certain := -1
	for i, v := range plant(7, 1500) {
		r := m.Observe(at(i), v)
		if !r.Warming && r.Certain && certain < 0 {
			certain = i
		}
	}
	if certain < 500 || certain > 700 {
		t.Errorf("certain from reading %d on, want soon after 500 for a rate of 1/500", certain)
	}
	if _, err := NewMonitor(Config{Rate: 0.1, Block: 10}, &EWMA{}); err == nil {
		t.Error("one alarm a block is accepted")
	}
}
