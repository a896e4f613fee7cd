package sensor

import "math"

// mostExpected bounds v and 1/v: where the plant never was, v is a guess.
const mostExpected = 30

// relate sets fresh and whole from ε.
func (s *forecasting) relate() {
	for i := range s.fresh {
		s.fresh[i] = s.e[len(s.e)-len(s.fresh)+i] * math.Exp(-s.logExpected(i)/2)
	}
	s.whole = dot(s.e, s.e) / float64(len(s.e)) * math.Exp(-s.logExpected(len(s.fresh)))
}

// logExpected is log v of output i, or, for i = O, of all.
func (s *forecasting) logExpected(i int) float64 {
	most := math.Log(mostExpected)
	return max(-most, min(most, dot(s.w.Expected[i], s.phi)))
}

// ratio is what relate made of output i, squared, or, for i = O, of all.
func (s *forecasting) ratio(i int) float64 {
	if i < len(s.fresh) {
		return s.fresh[i] * s.fresh[i]
	}
	return s.whole
}

// fitExpected fits Expected to the errors on ticks: a log-linear model of squares q,
// which are as gamma variables.
//
//	min Σ (log v + q/v),  log v = Expected·φ, by ridge regressions of log v + q/v - 1 on φ in rounds,
//	q/v at most mostRatio; then a constant that makes the mean of q/v one
//
// Source: McCullagh, Nelder, "Generalized Linear Models" (1989), 8.2 and 2.5: iterated
// least squares, where a gamma variable with a logarithmic link has equal weights.
func (w *forecast) fitExpected(cfg ModelConfig, ticks []tick, channels []string) error {
	const rounds, mostRatio = 6, 10
	s := w.follow(cfg, channels)
	d, cut := len(s.outputs)+1, len(ticks)*4/5
	w.Expected = make([][]float64, d)
	for i := range w.Expected {
		w.Expected[i] = make([]float64, len(s.phi))
	}
	response := func(s *forecasting, z []float64) {
		s.residual()
		for i := range z {
			z[i] = s.logExpected(i) + min(s.ratio(i), mostRatio) - 1
		}
	}
	for range rounds {
		weights, _, err := regress(s.normal(cfg, ticks[:cut], d, response), s.normal(cfg, ticks[cut:], d, response))
		if err != nil {
			return err
		}
		w.Expected = weights
	}
	sum, n := make([]float64, d), 0.0
	s.windows(ticks, func(int) {
		s.residual()
		for i := range sum {
			sum[i] += s.ratio(i)
		}
		n++
	})
	for i, v := range sum {
		w.Expected[i][0] += math.Log(max(v/n, 1e-3))
	}
	return nil
}
