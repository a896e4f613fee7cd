package physics

import "math"

// Oracle scores q as one who sees the state of the world at every frame, behind screens too, and knows its laws: how
// far each frame's state is from what the laws make of the one before. It is 0 throughout a possible clip and the
// ceiling of every family. q must come from Quad.
func Oracle(q *Quadruplet) Scores {
	return q.stateScores(func(which int, tr *track) []float64 {
		w := q.scene.world
		w.push = q.scene.pushes[which]
		s := make([]float64, Frames)
		for t := 1; t < Frames; t++ {
			s[t] = apart(w.step(t, tr[t-1]), tr[t], true)
		}
		return s
	})
}

// Still scores q as one who remembers what was where before the screen hid it, knows no law of motion, and compares
// with what is where at the splice: the before-and-after comparator. It settles the memory families; in the others,
// twins pooled, it is right in about half of the pairs. q must come from Quad.
func Still(q *Quadruplet) Scores {
	return q.stateScores(func(_ int, tr *track) []float64 {
		s := make([]float64, Frames)
		s[q.Splice] = apart(tr[max(q.Splice-q.Hidden-1, 0)], tr[q.Splice], false)
		return s
	})
}

// stateScores applies f to the true states of the four clips. which says whose past a clip has.
func (q *Quadruplet) stateScores(f func(which int, tr *track) []float64) Scores {
	a, b := q.scene.tracks[0], q.scene.tracks[1]
	third := a
	if q.scene.float != nil {
		third = q.scene.float
	}
	return Scores{f(0, a), f(1, b), f(0, q.join(a, b)), f(1, q.join(b, third))}
}

// join cuts two tracks as the impossible clips are cut.
func (q *Quadruplet) join(past, future *track) *track {
	tr := *past
	end := Frames
	if q.Again > 0 {
		end = q.Again
	}
	copy(tr[q.Splice:end], future[q.Splice:end])
	return &tr
}

// apart returns the distance of two states, in pixels; things that are not the same are Size apart.
func apart(p, q []body, velocity bool) float64 {
	if len(p) != len(q) {
		return Size
	}
	sum := 0.
	for i := range p {
		d := math.Abs(p[i].x-q[i].x) + math.Abs(p[i].y-q[i].y)
		if velocity {
			d += math.Abs(p[i].vx-q[i].vx) + math.Abs(p[i].vy-q[i].vy)
		}
		if p[i].shape != q[i].shape || p[i].colour != q[i].colour {
			d += Size
		}
		sum += d
	}
	return sum
}
