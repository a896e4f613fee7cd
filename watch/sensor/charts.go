package sensor

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"foresee/surprise/alarm"
)

// chart expects every channel near its mean, or near its last value.
//
//	ewma:        max_c |m_c|/Scale_c,   m(t) = m(t-1) + 0.1·(x(t) - m(t-1)), x in deviations
//	persistence: max_c |x_c(t) - x_c(t-1)|/Scale_c
//
// Scale is the deviation of m, or the mean of |x(t) - x(t-1)|, in normal data.
//
// Source of ewma: S. W. Roberts, "Control chart tests based on geometric moving
// averages", Technometrics 1 (1959); here with the measured deviation of m.
type chart struct {
	Scale []float64 `json:"scale"`
}

// ewmaRate is the weight of the newest reading.
const ewmaRate = 0.1

func fitChart(cfg ModelConfig, ticks []tick, c int) *chart {
	w := &chart{Scale: make([]float64, c)}
	for i := range w.Scale {
		w.Scale[i] = 1
	}
	s := w.start(cfg, c).(*charting)
	sum, n := make([]float64, c), 0.0
	for _, k := range ticks {
		if k.breaks {
			s.restart()
		}
		if _, known := s.observe(k.x, k.held); !known {
			continue
		}
		n++
		for i, v := range s.ratio {
			if cfg.Kind == KindEWMA {
				v *= v
			}
			sum[i] += v
		}
	}
	for i := range w.Scale {
		w.Scale[i] = sum[i] / max(1, n)
		if cfg.Kind == KindEWMA {
			w.Scale[i] = math.Sqrt(w.Scale[i])
		}
		w.Scale[i] = max(w.Scale[i], 1e-9)
	}
	return w
}

func (w *chart) start(cfg ModelConfig, c int) expectation {
	return &charting{w: w, kind: cfg.Kind, m: make([]float64, c), ratio: make([]float64, c)}
}

type charting struct {
	w     *chart
	kind  string
	m     []float64 // fading means, or the last reading
	ratio []float64 // of each channel, the last
	seen  int
}

func (s *charting) restart() { s.seen = 0 }

func (s *charting) observe(x []float64, held bool) (float64, bool) {
	score := 0.0
	for i, v := range x {
		gap := v - s.m[i]
		switch {
		case s.seen == 0:
			s.m[i] = v
		case s.kind == KindEWMA:
			s.m[i] += ewmaRate * gap
			s.ratio[i] = math.Abs(s.m[i]) / s.w.Scale[i]
		default:
			s.m[i] = v
			s.ratio[i] = math.Abs(gap) / s.w.Scale[i]
		}
		score = max(score, s.ratio[i])
	}
	s.seen++
	return score, s.seen > 1 && !held && (s.kind == KindPersistence || s.seen > 20)
}

func (s *charting) causes(share []float64) {
	sum := 0.0
	for _, v := range s.ratio {
		sum += v * v
	}
	for i, v := range s.ratio {
		share[i] = v * v / max(sum, 1e-300)
	}
}

func (s *charting) nearest() *alarm.Nearest { return nil }

// plane expects windows of Lags readings to lie near the plane of the usual ones.
//
//	T² = Σ_(i<=k) (v_iᵀu)²/λ_i,   Q = |u - mean|² - Σ_(i<=k) (v_iᵀu)²,   score = T²/k + Q/mean(Q)
//
// λ, v are the eigenpairs of the covariance of normal windows u, the k largest
// that hold nine tenths of the variance.
//
// Source: Jackson and Mudholkar, "Control procedures for residuals associated
// with principal component analysis", Technometrics 21 (1979), of windows as in
// Ku, Storer, Georgakis, "Disturbance detection and isolation by dynamic principal
// component analysis", Chemometrics 30 (1995); the sum of both is ours.
type plane struct {
	Values  []float64   `json:"values"`  // [k]
	Vectors [][]float64 `json:"vectors"` // [k, Lags·C]
	Rest    float64     `json:"rest"`    // mean of Q
}

func fitPlane(cfg ModelConfig, ticks []tick, c int) (*plane, error) {
	d := cfg.Lags * c
	cov, n := mat.NewSymDense(d, nil), 0
	s := &planing{w: &plane{}, c: c, lags: cfg.Lags}
	stride := max(1, len(ticks)/cfg.Rows)
	for i, k := range ticks {
		if k.breaks {
			s.restart()
		}
		if s.push(k.x, k.held) && i%stride == 0 {
			cov.SymRankOne(cov, 1, mat.NewVecDense(d, s.window))
			n++
		}
	}
	if n < 2*d {
		return nil, fmt.Errorf("%d windows of %d numbers, want at least twice as many", n, d)
	}
	cov.ScaleSym(1/float64(n), cov)
	values, vectors, ok := eigen(cov)
	if !ok {
		return nil, errors.New("the covariance of windows has no eigenvectors")
	}
	total, held, rest := 0.0, 0.0, 0.0
	for _, v := range values {
		total += max(0, v)
	}
	w := &plane{}
	for i, v := range values {
		if held < 0.9*total {
			w.Values, w.Vectors = append(w.Values, max(v, 1e-9*total)), append(w.Vectors, vectors[i])
			held += v
		} else {
			rest += max(0, v)
		}
	}
	w.Rest = max(rest, 1e-9*total)
	return w, nil
}

func (w *plane) validate(cfg ModelConfig, c int) error {
	if len(w.Values) == 0 || !shaped(w.Vectors, len(w.Values), cfg.Lags*c) || !(w.Rest > 0) {
		return errors.New("plane: values, vectors and rest do not fit each other")
	}
	for _, v := range w.Values {
		if !(v > 0) {
			return fmt.Errorf("plane: value %g, want more than 0", v)
		}
	}
	return nil
}

func (w *plane) start(cfg ModelConfig, c int) expectation {
	return &planing{w: w, c: c, lags: cfg.Lags, part: make([]float64, cfg.Lags*c)}
}

type planing struct {
	w       *plane
	c, lags int
	window  []float64 // [lags·c], the newest last
	part    []float64 // what the plane does not explain, and what it explains too well or badly
	clean   int       // readings since the last that was held
}

func (s *planing) restart() { s.window, s.clean = s.window[:0], 0 }

// push adds a reading and reports whether the window is full of real ones.
func (s *planing) push(x []float64, held bool) bool {
	if len(s.window) == s.lags*s.c {
		copy(s.window, s.window[s.c:])
		s.window = s.window[:len(s.window)-s.c]
	}
	s.window = append(s.window, x...)
	if s.clean++; held {
		s.clean = 0
	}
	return s.clean >= s.lags
}

func (s *planing) observe(x []float64, held bool) (float64, bool) {
	if !s.push(x, held) {
		return 0, false
	}
	copy(s.part, s.window)
	t2 := 0.0
	for i, v := range s.w.Vectors {
		a := dot(v, s.window)
		t2 += a * a / s.w.Values[i]
		for j := range s.part {
			s.part[j] -= a * v[j]
		}
	}
	q := dot(s.part, s.part)
	return t2/float64(len(s.w.Values)) + q/s.w.Rest, true
}

// causes splits Q by channel, and T² as each channel's own share of it.
func (s *planing) causes(share []float64) {
	clear(share)
	for j, v := range s.part {
		share[j%s.c] += v * v / s.w.Rest
	}
	k := float64(len(s.w.Values))
	for i, v := range s.w.Vectors {
		a := dot(v, s.window)
		for j := range v {
			share[j%s.c] += max(0, a*v[j]*s.window[j]/s.w.Values[i]) / k
		}
	}
	sum := 0.0
	for _, v := range share {
		sum += v
	}
	for i := range share {
		share[i] /= max(sum, 1e-300)
	}
}

func (s *planing) nearest() *alarm.Nearest { return nil }
