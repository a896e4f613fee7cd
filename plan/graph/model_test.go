package graph_test

import (
	"context"
	"hash/maphash"
	"math"
	"math/rand/v2"
	"sync/atomic"

	"foresee/plan"
)

// perfect is Two Rooms known exactly: the latent is (x, y)/scale, the carried code (wall, door), a
// move that touches a wall stays in place, as in the training data. walkNoise is the standard
// deviation of each coordinate after one step in px, growing with steps^0.33 as measured on a learnt
// model (.23, .39, .58 px at 1, 8, 16 steps for both coordinates together); moveNoise that of each
// coordinate of a displacement. Noise is a pure function of the inputs, as a network's error is.
type perfect struct {
	walkNoise, moveNoise float64
	reach                float64 // displacements are at most this long; 0 is unlimited
	seed                 maphash.Seed
	steps, rows, calls   *atomic.Int64
}

const scale = 10

func newPerfect(walkNoise, moveNoise float64) *perfect {
	return &perfect{walkNoise: walkNoise, moveNoise: moveNoise, seed: fixedSeed, steps: new(atomic.Int64), rows: new(atomic.Int64), calls: new(atomic.Int64)}
}

var fixedSeed = maphash.MakeSeed()

func (m *perfect) Dims() plan.Dims { return plan.Dims{S: 4, D: 2, A: 2} }

func hash(v ...float64) uint64 {
	h := uint64(1469598103934665603)
	for _, x := range v {
		h = (h ^ math.Float64bits(x)) * 1099511628211
		h ^= h >> 29
	}
	return h
}

func (m *perfect) Rollout(ctx context.Context, s plan.Shape, states, actions, latents []float32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.calls.Add(1)
	m.steps.Add(int64(s.B * s.N * s.L))
	for b := range s.B {
		st := states[b*4:][:4]
		w := room{float64(st[2]), float64(st[3])}
		for n := range s.N {
			x, y := float64(st[0])*scale, float64(st[1])*scale
			var pcg *rand.Rand
			if m.walkNoise > 0 {
				a := actions[(b*s.N+n)*s.L*2:]
				pcg = rand.New(rand.NewPCG(hash(x, y, float64(a[0]), float64(a[1]), w.wall), 1))
			}
			var ex, ey float64
			for l := range s.L {
				i := ((b*s.N+n)*s.L + l) * 2
				x, y = w.move(x, y, float64(actions[i]), float64(actions[i+1]))
				if pcg != nil { // a slow walk of the error
					if l == 0 {
						ex, ey = m.walkNoise*pcg.NormFloat64(), m.walkNoise*pcg.NormFloat64()
					} else {
						ex, ey = ex+0.55*m.walkNoise*pcg.NormFloat64(), ey+0.55*m.walkNoise*pcg.NormFloat64()
					}
				}
				latents[i], latents[i+1] = float32((x+ex)/scale), float32((y+ey)/scale)
			}
		}
	}
	return nil
}

func (m *perfect) Displacement(ctx context.Context, n int, from, to, actions []float32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.calls.Add(1)
	m.rows.Add(int64(n))
	for i := range n {
		dx, dy := float64(to[2*i]-from[2*i])*scale, float64(to[2*i+1]-from[2*i+1])*scale
		if d := math.Hypot(dx, dy); m.reach > 0 && d > m.reach {
			dx, dy = dx*m.reach/d, dy*m.reach/d
		}
		if m.moveNoise > 0 {
			r := rand.New(rand.NewPCG(hash(float64(from[2*i]), float64(from[2*i+1]), dx, dy), 2))
			dx, dy = dx+m.moveNoise*r.NormFloat64(), dy+m.moveNoise*r.NormFloat64()
		}
		actions[2*i], actions[2*i+1] = float32(dx), float32(dy)
	}
	return nil
}

// room is a layout with the collision rule of the training data.
type room struct{ wall, door float64 }

func (r room) move(x, y, ax, ay float64) (float64, float64) {
	qx, qy := x+ax, y+ay
	const low, high, half, door = 4, 60, 1, 4
	if qx <= low || qx >= high || qy <= low || qy >= high {
		return x, y
	}
	left, right := r.wall-half, r.wall+half
	side := func(v float64) int {
		switch {
		case v < left:
			return -1
		case v > right:
			return 1
		}
		return 0
	}
	open := func(v float64) bool { return v >= r.door-door && v <= r.door+door }
	for _, edge := range []float64{r.door - door, r.door + door} { // out of the door's height within the wall
		if meets := x + (qx-x)*(edge-y)/(qy-y); open(y) && !open(qy) && (y-edge)*(qy-edge) < 0 && meets > left && meets < right {
			return x, y
		}
	}
	if side(x) != side(qx) {
		for _, face := range []float64{left, right} {
			if (x-face)*(qx-face) < 0 && !open(y+(qy-y)*(face-x)/(qx-x)) {
				return x, y
			}
		}
	}
	return qx, qy
}
