package sensor

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"foresee/surprise/alarm"
)

// forecast is a joint-embedding predictive model of sensor windows, fitted in
// closed form.
//
//	target    y(t) [H·O]: the last Horizon readings of the outputs, in deviations, oldest first
//	latent    z = Axes·y, whitened principal axes of normal targets
//	context   u: readings of all C channels before the target one by one, then means of
//	          octaves [C·(Lags+Octaves)], then the inputs during the target [H·(C-O)]
//	predictor ẑ = Weights·φ,  φ = (1, u, tanh(R·u + r)), R and r random with the config's seed
//	error     e = y - Axes⁺·ẑ,  ε = Chol⁻¹·e: of unit covariance on normal data
//	expected  v = exp(Expected·φ): what the square of each output's newest ε, and the mean
//	          square of all of ε, usually is where the plant is now
//
// Whitening fixes the variance of every latent, so it cannot collapse; the
// predictor minimises |ẑ - z|² + λ|Weights|², λ chosen on readings held out. ε is
// ordered in time, so that its last O numbers are what the newest reading brings
// that neither context nor the readings before it foretold.
//
// Surprise is the rarest of several statistics, in decades (see yard): the newest
// ε/√v of each output, all of ε by its v, and for evidence that accumulates, fading means of what each
// output's ε/√v does, alone, times each of the 3 leading ẑ (in units of what ẑ was
// meanwhile, see evidence), and squared, at 3 spans,
// their mean square and their largest. Were the model's law still true, those means
// would be near 0 at every span (score test).
type forecast struct {
	Axes     [][]float64 `json:"axes"`     // [D, H·O]
	Weights  [][]float64 `json:"weights"`  // [D, F]
	Lambda   float64     `json:"lambda"`   // λ a row
	Chol     [][]float64 `json:"chol"`     // [H·O, H·O], lower
	Expected [][]float64 `json:"expected"` // [O+1, F] log v: of each output, of all
	Mean     []float64   `json:"mean"`     // [G] of the moves
	Std      []float64   `json:"std"`      // [G]
	Faded    [][]float64 `json:"faded"`    // [spans, G] deviation of their fading means
	Yards    []yard      `json:"yards"`    // [O+1+2·spans]
	Bank     [][]float64 `json:"bank"`     // normal targets
	BankAt   []time.Time `json:"bank_at"`  // of their last reading
	Usual    float64     `json:"usual"`    // median distance of a normal target to the nearest of the bank
}

const bankSize = 256

func (w *forecast) validate(cfg ModelConfig, channels []string) error {
	cfg, _ = cfg.withDefaults()
	s := newForecasting(cfg, channels)
	d, o := len(w.Axes), len(s.outputs)
	ho, g := cfg.Horizon*o, len(s.moves)
	if d == 0 || !shaped(w.Axes, d, ho) || !shaped(w.Weights, d, len(s.phi)) || !shaped(w.Chol, ho, ho) || !shaped(w.Expected, o+1, len(s.phi)) || !shaped([][]float64{w.Mean, w.Std}, 2, g) ||
		!shaped(w.Faded, len(spans), g) || len(w.Yards) != s.statisticCount() || !shaped(w.Bank, len(w.BankAt), ho) {
		return errors.New("forecast: the arrays do not fit the config and each other")
	}
	for i := range w.Chol {
		if !(w.Chol[i][i] > 0) {
			return fmt.Errorf("forecast: chol: %g on the diagonal, want more than 0", w.Chol[i][i])
		}
	}
	return nil
}

// forecasting follows a stream.
type forecasting struct {
	w       *forecast
	cfg     ModelConfig
	c       int
	outputs []int       // channels that are predicted
	inputs  []int       // channels that are given
	random  [][]float64 // R [Features, Du]
	shift   []float64   // r [Features]
	toY     [][]float64 // Axes⁺·Weights [H·O, F]
	history []float64   // [T, C], the newest last
	clean   int         // readings since the last that was held
	phi     []float64
	y, e    []float64 // [H·O]
	fresh   []float64 // [O] ε/√v of the newest reading
	whole   float64   // mean square of ε by its v
	lead    []float64 // [modulators] leading ẑ
	moves   []float64 // [G]
	faded   [][]float64
	power   [][]float64 // [spans, modulators] fading means of the squares of lead
	weight  []float64   // of the fading means, 1 in the long run
	out     []float64   // statistics
	worst   int         // the one that the last score is from
}

func (w *forecast) start(cfg ModelConfig, channels []string) expectation {
	return w.follow(cfg, channels)
}

func (w *forecast) follow(cfg ModelConfig, channels []string) *forecasting {
	cfg, _ = cfg.withDefaults() // validated
	s := newForecasting(cfg, channels)
	s.w = w
	// rows of Axes are v/√λ: Axes⁺ has columns v·√λ = row/|row|²
	s.toY = make([][]float64, len(s.y))
	for i := range s.toY {
		s.toY[i] = make([]float64, len(s.phi))
		for d, axis := range w.Axes {
			scale := axis[i] / dot(axis, axis)
			for j, v := range w.Weights[d] {
				s.toY[i][j] += scale * v
			}
		}
	}
	return s
}

// newForecasting returns one that only knows contexts and targets.
func newForecasting(cfg ModelConfig, channels []string) *forecasting {
	s := &forecasting{cfg: cfg, c: len(channels), lead: make([]float64, modulators), weight: make([]float64, len(spans))}
	for i, name := range channels {
		if slices.Contains(cfg.Inputs, name) {
			s.inputs = append(s.inputs, i)
		} else {
			s.outputs = append(s.outputs, i)
		}
	}
	du, o := s.c*(cfg.Lags+cfg.Octaves)+cfg.Horizon*len(s.inputs), len(s.outputs)
	s.phi, s.y, s.e = make([]float64, 1+du+cfg.Features), make([]float64, cfg.Horizon*o), make([]float64, cfg.Horizon*o)
	s.fresh = make([]float64, o)
	s.moves = make([]float64, o*(2+modulators))
	s.out = make([]float64, s.statisticCount())
	for range spans {
		s.faded, s.power = append(s.faded, make([]float64, len(s.moves))), append(s.power, make([]float64, modulators))
	}
	r := rand.New(rand.NewPCG(cfg.Seed, 0x5e7504))
	for range cfg.Features {
		row := make([]float64, du)
		for j := range row {
			row[j] = r.NormFloat64() / math.Sqrt(float64(du))
		}
		s.random = append(s.random, row)
	}
	for range cfg.Features {
		s.shift = append(s.shift, r.NormFloat64())
	}
	return s
}

func (s *forecasting) statisticCount() int { return len(s.outputs) + 1 + 2*len(spans) }

func (s *forecasting) span() int { return s.cfg.Lags<<s.cfg.Octaves + s.cfg.Horizon }

func (s *forecasting) restart() { s.history, s.clean = s.history[:0], 0 }

// push takes a reading and fills phi and y; false while there are too few, or one
// of the target is not real.
func (s *forecasting) push(x []float64, held bool) bool {
	need := s.span() * s.c
	if len(s.history) >= 4*need {
		s.history = append(s.history[:0], s.history[len(s.history)-need:]...)
	}
	s.history = append(s.history, x...)
	if s.clean++; held {
		s.clean = 0
	}
	if len(s.history) < need || s.clean < s.cfg.Horizon {
		return false
	}
	s.features()
	return true
}

func (s *forecasting) features() {
	c, end := s.c, len(s.history)-s.cfg.Horizon*s.c
	s.phi[0] = 1
	u := s.phi[1 : len(s.phi)-s.cfg.Features]
	copy(u, s.history[end-s.cfg.Lags*c:end])
	from, size := end-s.cfg.Lags*c, s.cfg.Lags
	for o := range s.cfg.Octaves {
		mean := u[(s.cfg.Lags+o)*c : (s.cfg.Lags+o+1)*c]
		clear(mean)
		for i, v := range s.history[from-size*c : from] {
			mean[i%c] += v / float64(size)
		}
		from, size = from-size*c, 2*size
	}
	k := c * (s.cfg.Lags + s.cfg.Octaves)
	for h := range s.cfg.Horizon {
		row := s.history[end+h*c : end+(h+1)*c]
		for _, i := range s.inputs {
			u[k] = row[i]
			k++
		}
		for j, i := range s.outputs {
			s.y[h*len(s.outputs)+j] = row[i]
		}
	}
	for i, r := range s.random {
		s.phi[1+len(u)+i] = math.Tanh(dot(r, u) + s.shift[i])
	}
}

// err fills e and lead, of the last push.
func (s *forecasting) err() {
	for i, y := range s.y {
		s.e[i] = y - dot(s.toY[i], s.phi)
	}
	for i := range s.lead {
		s.lead[i] = 0
		if i < len(s.w.Weights) {
			s.lead[i] = max(-3, min(3, dot(s.w.Weights[i], s.phi)))
		}
	}
}

// whiten turns e into ε in place, by forward substitution.
func (s *forecasting) whiten() {
	for i, row := range s.w.Chol {
		s.e[i] = (s.e[i] - dot(row[:i], s.e[:i])) / row[i]
	}
}

// residual does for the last push all that leads to fresh and whole.
func (s *forecasting) residual() {
	s.err()
	s.whiten()
	s.relate()
}

// statistics fills out.
func (s *forecasting) statistics() {
	o := len(s.outputs)
	for i, v := range s.fresh {
		s.out[i] = math.Abs(v)
	}
	s.out[o] = s.whole
	for a := range spans {
		mean, most := 0.0, 0.0
		for i := range s.faded[a] {
			v := s.evidence(a, i) / s.w.Faded[a][i]
			mean += v * v
			most = max(most, math.Abs(v))
		}
		s.out[o+1+2*a], s.out[o+2+2*a] = mean/float64(len(s.moves)), most
	}
}

// judged does for the last push all that leads to its statistics.
func (s *forecasting) judged() {
	s.residual()
	s.move()
	s.fade()
	s.statistics()
}

func (s *forecasting) observe(x []float64, held bool) (float64, bool) {
	if !s.push(x, held) {
		return 0, false
	}
	s.judged()
	best := math.Inf(-1)
	for i, v := range s.out {
		if d := s.w.Yards[i].decades(v); d > best {
			best, s.worst = d, i
		}
	}
	return best, true
}

// causes splits the statistic that the score is from by channel.
func (s *forecasting) causes(share []float64) {
	clear(share)
	o := len(s.outputs)
	switch {
	case s.worst < o:
		share[s.outputs[s.worst]] = 1
		return
	case s.worst == o:
		for i, v := range s.e {
			share[s.outputs[i%o]] += v * v
		}
	default:
		a := (s.worst - o - 1) / 2
		for i := range s.faded[a] {
			v := s.evidence(a, i) / s.w.Faded[a][i]
			share[s.outputs[i/(2+modulators)]] += v * v
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

func (s *forecasting) nearest() *alarm.Nearest {
	if len(s.w.Bank) == 0 {
		return nil
	}
	at, distance := closest(s.w.Bank, s.y, -1)
	return &alarm.Nearest{Name: s.w.BankAt[at].Format(time.RFC3339), Distance: distance, Usual: s.w.Usual}
}

// rank returns the participation ratio of the latents of the readings at hand, at
// least span of them; NaN while there are fewer.
//
//	(Σλ)²/Σλ² = (tr S)²/tr S²,  S = cov(z)
func (s *forecasting) rank() float64 {
	n := len(s.history)/s.c - s.cfg.Horizon + 1
	if n < s.span()-s.cfg.Horizon {
		return math.NaN()
	}
	d := len(s.w.Axes)
	z, mean := make([][]float64, n), make([]float64, d)
	y := make([]float64, 0, len(s.y))
	for t := range z {
		y = y[:0]
		for h := range s.cfg.Horizon {
			for _, i := range s.outputs {
				y = append(y, s.history[(t+h)*s.c+i])
			}
		}
		z[t] = make([]float64, d)
		for i, axis := range s.w.Axes {
			z[t][i] = dot(axis, y)
			mean[i] += z[t][i] / float64(n)
		}
	}
	trace, square := 0.0, 0.0
	for i := range d {
		for j := range d {
			cov := 0.0
			for t := range z {
				cov += (z[t][i] - mean[i]) * (z[t][j] - mean[j])
			}
			if square += cov * cov; i == j {
				trace += cov
			}
		}
	}
	return trace * trace / square
}

// closest returns the row nearest to y, without row skip, and its root mean
// square distance.
func closest(rows [][]float64, y []float64, skip int) (at int, distance float64) {
	best := math.Inf(1)
	for i, r := range rows {
		sum := 0.0
		for j, v := range r {
			sum += (v - y[j]) * (v - y[j])
		}
		if sum < best && i != skip {
			at, best = i, sum
		}
	}
	return at, math.Sqrt(best / float64(len(y)))
}

// usualDistance is the median over the bank of the distance to its nearest other.
func usualDistance(bank [][]float64) float64 {
	var d []float64
	for i, y := range bank {
		if len(bank) > 1 {
			_, v := closest(bank, y, i)
			d = append(d, v)
		}
	}
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[len(d)/2]
}
