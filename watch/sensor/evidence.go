package sensor

import "math"

// spans are the time constants of the fading means, in readings. One that the
// readings which measure errors do not hold leastSpans times is not judged by.
var spans = [...]float64{8, 64, 512}

// modulators is how many leading predicted latents each error is multiplied with.
const modulators = 3

// move fills moves [O·(2+modulators)] from fresh: each output's, its products with
// lead, and its square.
func (s *forecasting) move() {
	k := 2 + modulators
	for i, v := range s.fresh {
		v = max(-6, min(6, v))
		s.moves[i*k] = v
		for j, l := range s.lead {
			s.moves[i*k+1+j] = v * l
		}
		s.moves[i*k+1+modulators] = max(-6, min(6, v*v-1))
	}
}

// fade takes the moves, in deviations, into the fading means.
func (s *forecasting) fade() {
	for a, span := range spans {
		rate := 1 / span
		s.weight[a] += rate * (1 - s.weight[a])
		for i, v := range s.moves {
			s.faded[a][i] += rate * ((v-s.w.Mean[i])/s.w.Std[i] - s.faded[a][i])
		}
		for j, l := range s.lead {
			s.power[a][j] += rate * (l*l - s.power[a][j])
		}
	}
}

// evidence is the fading mean of a move; of a product with lead, in units of what
// lead was meanwhile.
func (s *forecasting) evidence(a, move int) float64 {
	const least = 0.1
	v := s.faded[a][move]
	if j := move%(2+modulators) - 1; j >= 0 && j < modulators {
		v /= math.Sqrt(s.power[a][j] + least)
	}
	return v
}

// leastSpans is how often the readings must hold a span for it to be judged by.
const leastSpans = 20

// measureFaded sets the deviations of the fading means, not below a third of that of
// independent moves, 1/√(2·span).
func (w *forecast) measureFaded(s *forecasting, ticks []tick) {
	count := make([]float64, len(spans))
	s.windows(ticks, func(i int) {
		s.residual()
		s.move()
		s.fade()
		for a := range spans {
			if s.weight[a] < 0.9 {
				continue
			}
			count[a]++
			for j := range s.faded[a] {
				v := s.evidence(a, j)
				w.Faded[a][j] += v * v
			}
		}
	})
	for a, span := range spans {
		for j := range w.Faded[a] {
			w.Faded[a][j] = math.Sqrt(w.Faded[a][j] / max(1, count[a]))
			w.Faded[a][j] = max(w.Faded[a][j], 1/math.Sqrt(2*span)/3)
		}
	}
}
