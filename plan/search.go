package plan

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

func sqrt(v float64) float64 { return math.Sqrt(v) }

// search is the part CEM, ICEM and MPPI share: candidates around a mean, rolled out, scored, sorted.
// All memory is kept between calls.
type search struct {
	dynamics Dynamics
	dims     Dims
	bounds   Bounds
	n        int // candidates of a problem

	b, l       int
	im         Imagined
	mean, std  []float32 // [B, L, A]
	candidates []float32 // [B, N, L, A]
	latents    []float32 // [B, N, L, D]
	costs      []float64 // [B, N]
	order      []int     // [N] indices of the problem at hand, cheapest first
	finite     []int     // [B] finite costs of this iteration
	pcg        rand.PCG
	rng        *rand.Rand
}

func newSearch(d Dynamics, bounds Bounds, n int) (*search, error) {
	dims := d.Dims()
	if dims.D < 1 || dims.S < dims.D || dims.A < 1 {
		panic(fmt.Sprintf("plan: dynamics with dims %+v", dims))
	}
	if err := bounds.Validate(dims.A); err != nil {
		return nil, err
	}
	s := &search{dynamics: d, dims: dims, bounds: bounds, n: n, order: make([]int, n)}
	s.rng = rand.New(&s.pcg)
	return s, nil
}

// begin sizes the buffers for p and sets the mean; it panics if p's shapes disagree.
func (s *search) begin(p *Problem, r *Result, std float32) {
	s.b, s.l = len(p.Seeds), p.L
	rows := s.b * s.l * s.dims.A
	if s.b < 1 || s.l < 1 || p.Objective == nil || len(p.States) != s.b*s.dims.S ||
		(p.Mean != nil && len(p.Mean) != rows) {
		panic(fmt.Sprintf("plan: problem of %d seeds, horizon %d, %d floats of states (S = %d), %d of mean, objective %T",
			s.b, s.l, len(p.States), s.dims.S, len(p.Mean), p.Objective))
	}
	s.mean, s.std = grow(s.mean, rows), grow(s.std, rows)
	s.candidates = grow(s.candidates, s.n*rows)
	s.latents = grow(s.latents, s.b*s.n*s.l*s.dims.D)
	s.costs, s.finite = grow(s.costs, s.b*s.n), grow(s.finite, s.b)
	clear(s.mean)
	copy(s.mean, p.Mean)
	for i := range s.std {
		s.std[i] = std
	}
	r.Actions, r.Costs = grow(r.Actions, rows), grow(r.Costs, s.b)
	for i := range r.Costs {
		r.Costs[i] = math.Inf(1)
	}
	r.NonFinite, r.Steps = 0, 0
	s.im = Imagined{Shape{s.b, s.n, s.l}, s.dims, p.States, s.candidates, s.latents}
}

func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// span is the number of floats of one action sequence.
func (s *search) span() int { return s.l * s.dims.A }

func (s *search) candidate(b, n int) []float32 {
	k := s.span()
	return s.candidates[(b*s.n+n)*k:][:k]
}

func (s *search) meanOf(b int) []float32 { return s.mean[b*s.span():][:s.span()] }
func (s *search) stdOf(b int) []float32  { return s.std[b*s.span():][:s.span()] }

// seed starts the stream of problem b's iteration.
func (s *search) seed(p *Problem, b, iteration int) { s.pcg.Seed(p.Seeds[b], uint64(iteration)) }

// gaussian draws candidates from..N of problem b around its mean, clipped.
func (s *search) gaussian(b, from int) {
	mean, std := s.meanOf(b), s.stdOf(b)
	for n := from; n < s.n; n++ {
		c := s.candidate(b, n)
		for i := range c {
			c[i] = mean[i] + std[i]*float32(s.rng.NormFloat64())
		}
		s.clip(c)
	}
}

func (s *search) clip(seq []float32) {
	for a := s.dims.A; len(seq) > 0; seq = seq[a:] {
		s.bounds.Clip(seq[:a])
	}
}

// evaluate rolls out and scores all candidates, counts costs that are not finite and makes them +Inf.
func (s *search) evaluate(ctx context.Context, p *Problem, r *Result) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.dynamics.Rollout(ctx, s.im.Shape, p.States, s.candidates, s.latents); err != nil {
		return err
	}
	r.Steps += s.b * s.n * s.l
	clear(s.costs)
	p.Objective.AddCost(&s.im, 1, s.costs)
	for b := range s.b {
		s.finite[b] = 0
		costs := s.costs[b*s.n:][:s.n]
		for i, c := range costs {
			if math.IsNaN(c) || math.IsInf(c, 0) {
				costs[i] = math.Inf(1)
				r.NonFinite++
				continue
			}
			s.finite[b]++
			r.Costs[b] = min(r.Costs[b], c)
		}
		if s.finite[b] == 0 {
			return fmt.Errorf("problem %d: %w", b, ErrNoFinitePlan)
		}
	}
	return nil
}

// rank returns the indices of problem b's k cheapest candidates (fewer if fewer are finite),
// cheapest first, equal costs by index. The slice is valid until the next call.
func (s *search) rank(b, k int) []int {
	costs := s.costs[b*s.n:][:s.n]
	for i := range s.order {
		s.order[i] = i
	}
	slices.SortFunc(s.order, func(i, j int) int {
		switch {
		case costs[i] < costs[j]:
			return -1
		case costs[i] > costs[j]:
			return 1
		}
		return i - j
	})
	return s.order[:min(k, s.finite[b])]
}

// fit returns the weighted mean and spread of one coordinate over candidates of problem b; nil
// weights are equal ones and give the unbiased standard deviation.
func (s *search) fit(b, coordinate int, of []int, weights []float64) (mean, std float64) {
	weight := func(k int) float64 {
		if weights == nil {
			return 1 / float64(len(of))
		}
		return weights[k]
	}
	for k, n := range of {
		mean += weight(k) * float64(s.candidate(b, n)[coordinate])
	}
	var sq float64
	for k, n := range of {
		d := float64(s.candidate(b, n)[coordinate]) - mean
		sq += weight(k) * d * d
	}
	if weights == nil && len(of) > 1 {
		sq *= float64(len(of)) / float64(len(of)-1)
	}
	return mean, math.Sqrt(sq)
}

// answer writes problem b's mean, within bounds.
func (s *search) answer(b int, r *Result) {
	out := r.Actions[b*s.span():][:s.span()]
	copy(out, s.meanOf(b))
	s.clip(out)
}
