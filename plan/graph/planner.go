package graph

import (
	"context"
	"fmt"
	"math"
	"slices"

	"foresee/plan"
)

// Planner holds the landmarks and the candidate edges between them, which are the same for all
// layouts. It is immutable and safe for concurrent use if its Model is.
type Planner struct {
	model     Model
	dims      plan.Dims
	cfg       Config
	landmarks []float32 // [M, D]
	edges     []edge
	around    [][]spoke // [M] the edges of each landmark
	order     []int     // edges by number of steps, longest first
}

// edge joins landmarks i < j; there and back are G's displacements between them.
type edge struct {
	i, j        int
	length      float64 // mean of both displacements' norms
	steps       int
	there, back []float32
}

// spoke is an edge seen from one of its ends.
type spoke struct{ edge, to int }

// New finds the candidate edges between landmarks [M, D], those that G calls nearer than Radius.
// It asks the model for at most M·Near pairs of displacements and imagines nothing. The landmarks are
// copied. It returns the configuration's faults, the model's errors, and an error without landmarks.
func New(ctx context.Context, model Model, landmarks []float32, cfg Config) (*Planner, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	p := &Planner{model: model, dims: model.Dims(), cfg: cfg.withDefaults(), landmarks: slices.Clone(landmarks)}
	if p.dims.D < 1 || p.dims.S < p.dims.D || p.dims.A < 1 || len(landmarks)%p.dims.D != 0 {
		panic(fmt.Sprintf("graph: %d floats of landmarks for a model with dims %+v", len(landmarks), p.dims))
	}
	m := len(landmarks) / p.dims.D
	if m == 0 {
		return nil, fmt.Errorf("graph: no landmarks")
	}
	p.cfg.Near = min(p.cfg.Near, m)
	if err := p.findEdges(ctx); err != nil {
		return nil, fmt.Errorf("graph: find edges: %w", err)
	}
	p.pruneEdges()
	p.around = make([][]spoke, m)
	p.order = make([]int, len(p.edges))
	for k, e := range p.edges {
		p.around[e.i] = append(p.around[e.i], spoke{k, e.j})
		p.around[e.j] = append(p.around[e.j], spoke{k, e.i})
		p.order[k] = k
	}
	slices.SortStableFunc(p.order, func(a, b int) int { return p.edges[b].steps - p.edges[a].steps })
	return p, nil
}

// Landmarks and Edges return how many the planner has.
func (p *Planner) Landmarks() int { return len(p.landmarks) / p.dims.D }

// Edges returns the number of candidate edges.
func (p *Planner) Edges() int { return len(p.edges) }

// Warm makes one model call of every shape that sessions use, so that a compiled engine compiles
// before the first decision and not in it.
func (p *Planner) Warm(ctx context.Context) error {
	c := newCaller(p.model, p.cfg)
	out := make([]float64, c.chunk())
	carried := make([]float32, p.dims.S-p.dims.D)
	by := make([]float32, p.dims.A)
	by[0] = 1
	for _, rows := range c.rungs {
		for _, steps := range c.steps {
			walks := make([]walk, rows)
			for i := range walks {
				walks[i] = walk{p.landmark(0), by, p.landmark(0), steps}
			}
			if err := c.residuals(ctx, carried, walks, p.cfg, out); err != nil {
				return fmt.Errorf("graph: warm up: %w", err)
			}
		}
	}
	return nil
}

func (p *Planner) landmark(i int) []float32 { return p.landmarks[i*p.dims.D:][:p.dims.D] }

// stepsFor is the number of constant actions of at most Speed that cover a distance.
func (p *Planner) stepsFor(distance float64) int {
	return min(max(int(math.Ceil(distance/p.cfg.Speed-1e-9)), 1), p.cfg.maxSteps())
}

// nearest writes the indices of the k landmarks nearest to a latent in latent space, nearest first.
func (p *Planner) nearest(z []float32, k int, scratch []ranked) []ranked {
	scratch = scratch[:0]
	for i := range p.Landmarks() {
		scratch = append(scratch, ranked{i, float64(squared(z, p.landmark(i)))})
	}
	sortRanked(scratch)
	return scratch[:min(k, len(scratch))]
}

type ranked struct {
	i int
	v float64
}

func sortRanked(r []ranked) {
	slices.SortFunc(r, func(a, b ranked) int {
		switch {
		case a.v < b.v:
			return -1
		case a.v > b.v:
			return 1
		}
		return a.i - b.i
	})
}

// findEdges asks G both ways between each landmark and those nearest to it in latent space.
func (p *Planner) findEdges(ctx context.Context) error {
	m, c := p.Landmarks(), newCaller(p.model, p.cfg)
	type ij struct{ i, j int }
	seen := make(map[ij]bool)
	var pairs []ij
	var scratch []ranked
	for i := range m {
		scratch = p.nearest(p.landmark(i), p.cfg.Near+1, scratch)
		for _, r := range scratch {
			k := ij{min(i, r.i), max(i, r.i)}
			if k.i != k.j && !seen[k] {
				seen[k] = true
				pairs = append(pairs, k)
			}
		}
	}
	half := max(c.chunk()/2, 1)
	if c.chunk() < 2 {
		return fmt.Errorf("chunk of %d rows, want >= 2", c.chunk())
	}
	for part := range slices.Chunk(pairs, half) {
		for n, k := range part {
			c.pair(2*n, p.landmark(k.i), p.landmark(k.j))
			c.pair(2*n+1, p.landmark(k.j), p.landmark(k.i))
		}
		if err := c.displace(ctx, 2*len(part)); err != nil {
			return err
		}
		for n, k := range part {
			there, back := c.moved(2*n), c.moved(2*n+1)
			length := (norm(there) + norm(back)) / 2
			if !(length < p.cfg.Radius) {
				continue
			}
			p.edges = append(p.edges, edge{k.i, k.j, length, p.stepsFor(max(norm(there), norm(back))),
				slices.Clone(there), slices.Clone(back)})
		}
	}
	return nil
}

// pruneEdges drops, longest first, each edge whose ends some third landmark joins by two shorter
// edges that are still there and that together are at most 1 + Prune times as long.
func (p *Planner) pruneEdges() {
	if p.cfg.Prune <= 0 {
		return
	}
	m := p.Landmarks()
	length := make([]float64, m*m)
	for k := range length {
		length[k] = math.Inf(1)
	}
	byLength := make([]ranked, len(p.edges))
	for k, e := range p.edges {
		length[e.i*m+e.j], length[e.j*m+e.i] = e.length, e.length
		byLength[k] = ranked{k, -e.length}
	}
	sortRanked(byLength)
	dropped := make([]bool, len(p.edges))
	for _, r := range byLength {
		e := p.edges[r.i]
		for k := range m {
			a, b := length[e.i*m+k], length[k*m+e.j]
			if a < e.length && b < e.length && a+b <= (1+p.cfg.Prune)*e.length {
				dropped[r.i] = true
				length[e.i*m+e.j], length[e.j*m+e.i] = math.Inf(1), math.Inf(1)
				break
			}
		}
	}
	kept := p.edges[:0]
	for k, e := range p.edges {
		if !dropped[k] {
			kept = append(kept, e)
		}
	}
	p.edges = kept
}

// build imagines every candidate edge under a carried code and writes its cost to costs [edges].
func (p *Planner) build(ctx context.Context, c *caller, carried []float32, costs []float64) error {
	residual := make([]float64, len(p.edges))
	directions := 2
	if p.cfg.OneWay {
		directions = 1
	}
	walks, of := make([]walk, 0, c.chunk()), make([]int, 0, c.chunk())
	out := make([]float64, c.chunk())
	flush := func() error {
		if err := c.residuals(ctx, carried, walks, p.cfg, out); err != nil {
			return err
		}
		for n, k := range of {
			residual[k] = worse(residual[k], out[n])
		}
		walks, of = walks[:0], of[:0]
		return nil
	}
	for _, k := range p.order {
		e := &p.edges[k]
		for dir := range directions {
			w := walk{p.landmark(e.i), e.there, p.landmark(e.j), e.steps}
			if dir == 1 {
				w = walk{p.landmark(e.j), e.back, p.landmark(e.i), e.steps}
			}
			walks, of = append(walks, w), append(of, k)
			if len(walks) == c.chunk() {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	for k, e := range p.edges {
		costs[k] = p.edgeCost(e.length, residual[k])
	}
	return nil
}

// worse is the larger of two residuals; one that is not a number is the worst.
func worse(a, b float64) float64 {
	if math.IsNaN(b) {
		return math.Inf(1)
	}
	return max(a, b)
}

// edgeCost is length/Speed + EdgeCost + Penalty·max(0, residual − Slack); +Inf if not finite.
func (p *Planner) edgeCost(length, residual float64) float64 {
	cost := length/p.cfg.Speed + p.cfg.EdgeCost + p.cfg.Penalty*max(0, residual-p.cfg.Slack)
	if math.IsNaN(cost) {
		return math.Inf(1)
	}
	return cost
}
