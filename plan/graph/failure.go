package graph

import (
	"context"
	"math"
)

const maxFailures = smallRows * 2 // how many points are remembered for edges that come and go

// failure is a place where the world stopped an action that the model thought free.
type failure struct {
	at, along []float32 // latent; unit vector of the action
	landmarks []float32 // [M, A] displacement from at to each landmark, NaN for those far away
	goal      []float32 // [A] displacement from at to the goal
}

// blocks reports whether the segment from u to v, seen from the point of failure, passes within
// radius of the point and reaches beyond it along the action. A NaN end is far away: false.
func (f *failure) blocks(u, v []float32, radius float64) bool {
	if !(max(dot(u, f.along), dot(v, f.along)) > beyond) {
		return false
	}
	return segmentDistance(u, v) <= radius
}

// beyond is how far along the action a segment must reach to count as going on from the point.
const beyond = 0.5

// segmentDistance is the distance of the origin from the segment u, v.
func segmentDistance(u, v []float32) float64 {
	var uw, ww float64 // w = v − u
	for i := range u {
		w := float64(v[i]) - float64(u[i])
		uw += float64(u[i]) * w
		ww += w * w
	}
	t := 0.0
	if ww > 0 {
		t = min(max(-uw/ww, 0), 1)
	}
	var sq float64
	for i := range u {
		x := float64(u[i]) + t*(float64(v[i])-float64(u[i]))
		sq += x * x
	}
	return math.Sqrt(sq)
}

// remember records that the last action failed at latent z, makes the edges there costlier and
// solves again. It asks for Near + 1 displacements.
func (s *Session) remember(ctx context.Context, z []float32) error {
	p, a := s.p, s.p.dims.A
	f := failure{at: clone32(z), along: make([]float32, a), landmarks: make([]float32, p.Landmarks()*a), goal: make([]float32, a)}
	scale := float32(1 / norm(s.action))
	for i, v := range s.action {
		f.along[i] = v * scale
	}
	nan := float32(math.NaN())
	for i := range f.landmarks {
		f.landmarks[i] = nan
	}
	s.near = p.nearest(z, p.cfg.Near-1, s.near)
	for n, r := range s.near {
		s.c.pair(n, z, p.landmark(r.i))
	}
	s.c.pair(len(s.near), z, s.goal)
	if err := s.c.displace(ctx, len(s.near)+1); err != nil {
		return err
	}
	for n, r := range s.near {
		copy(f.landmarks[r.i*a:][:a], s.c.moved(n))
	}
	copy(f.goal, s.c.moved(len(s.near)))
	for k, e := range p.edges {
		if f.blocks(f.landmarks[e.i*a:][:a], f.landmarks[e.j*a:][:a], p.cfg.FailureRadius) {
			s.penalties[k] += p.cfg.FailureCost
		}
	}
	for i := range s.goalCosts {
		if f.blocks(f.landmarks[i*a:][:a], f.goal, p.cfg.FailureRadius) {
			s.goalCosts[i] += p.cfg.FailureCost
		}
	}
	if len(s.failures) == maxFailures {
		s.failures = append(s.failures[:0], s.failures[1:]...)
	}
	s.failures = append(s.failures, f)
	s.v.solve(p, s.costs, s.penalties, s.goalCosts)
	return nil
}

// locate finds where the latent z lies as seen from each remembered failure.
func (s *Session) locate(ctx context.Context, z []float32) error {
	for n := range s.failures {
		s.c.pair(n, s.failures[n].at, z)
	}
	if err := s.c.displace(ctx, len(s.failures)); err != nil {
		return err
	}
	s.here = resize(s.here, len(s.failures)*s.p.dims.A)
	copy(s.here, s.c.move)
	return nil
}

// penalty is what remembered failures add to the edge from the located latent to a target.
func (s *Session) penalty(target int) float64 {
	a, sum := s.p.dims.A, 0.0
	for n := range s.failures {
		f := &s.failures[n]
		to := f.goal
		if target != toGoal {
			to = f.landmarks[target*a:][:a]
		}
		if f.blocks(s.here[n*a:][:a], to, s.p.cfg.FailureRadius) {
			sum += s.p.cfg.FailureCost
		}
	}
	return sum
}

func clone32(v []float32) []float32 { return append([]float32(nil), v...) }
