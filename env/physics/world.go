package physics

import (
	"math"
	"slices"
)

// shape is a body's outline. All have the area π·R².
type shape uint8

const (
	disc shape = iota
	square
	diamond
	triangle
	cross // unseen in training, from here
	ring
	plank

	shapes
	seenShapes = cross
)

// Extents in units of R, from the equal areas.
const (
	squareHalf  = 0.88622692545  // √π / 2
	diamondHalf = 1.25331413732  // √(π/2); the triangle's and the plank's half width too
	crossArm    = 0.39633272976  // √(π/5) / 2: half an arm's width
	ringOuter   = 1.25           // inner radius 0.6 · outer
	plankHalf   = 0.626657068658 // half height, the half width is twice it
)

// half returns half the width and half the height of the outline, in pixels, for the radius r.
func (s shape) half(r float64) (x, y float64) {
	switch s {
	case square:
		return squareHalf * r, squareHalf * r
	case diamond, triangle:
		return diamondHalf * r, diamondHalf * r
	case cross:
		return 3 * crossArm * r, 3 * crossArm * r
	case ring:
		return ringOuter * r, ringOuter * r
	case plank:
		return diamondHalf * r, plankHalf * r
	}
	return r, r
}

// body is a thing that moves: its centre in pixels (x right, y down, pixel j spans [j, j+1]) and its velocity in
// pixels a frame.
type body struct {
	x, y, vx, vy float64
	r            float64
	shape        shape
	colour       int // index into palette
}

func (b body) half() (x, y float64) { return b.shape.half(b.r) }

// mass is proportional to the area.
func (b body) mass() float64 { return b.r * b.r }

// solid is a fixed rectangle. An upright one stops or reflects what moves in x, any other what moves in y.
type solid struct {
	x0, y0, x1, y1 float64
	upright        bool
	elastic        bool
	floor          bool
}

// gravity in pixels per frame², in worlds seen from the side.
const gravity = 0.15

// world holds the laws of one clip: everything but the bodies. Seen from above (no gravity) a body goes straight on;
// seen from the side it falls until a solid holds it. Nothing rubs, except where a pusher works.
type world struct {
	gravity float64
	solids  []solid
	push    []float64 // x of the pusher's tip by frame, nil without one: then things go sideways only while pushed
	pushY   float64   // height of the pusher
}

// track is the state of a clip by frame.
type track [Frames][]body

// run simulates the world from bodies at frame 0.
func (w *world) run(bodies []body) *track {
	var tr track
	tr[0] = bodies
	for t := 1; t < Frames; t++ {
		tr[t] = w.step(t, tr[t-1])
	}
	return &tr
}

// step returns the bodies of frame t, given those of frame t-1. It is exact for straight and parabolic motion, and
// for impacts of bodies, which it solves within the frame. A soft solid takes all velocity across it.
func (w *world) step(t int, before []body) []body {
	after := slices.Clone(before)
	for i := range after {
		w.move(t, &after[i])
	}
	for i := range after {
		for j := range after {
			if before[i].x < before[j].x {
				collide(before[i], before[j], &after[i], &after[j])
			}
		}
	}
	return after
}

// touching is the slack, in pixels, within which a body counts as lying on a solid.
const touching = 1e-6

func (w *world) move(t int, b *body) {
	old := *b
	b.x += b.vx
	b.y += b.vy + w.gravity/2
	b.vy += w.gravity
	if w.push != nil {
		b.x, b.vx = old.x, 0
		hx, hy := b.half()
		if tip := w.push[t]; tip > w.push[t-1] && b.x-hx < tip && b.y-hy < w.pushY {
			b.x, b.vx = tip+hx, tip+hx-old.x
		}
	}
	for _, s := range w.solids {
		if s.upright {
			s.stopX(old, b)
		} else {
			s.stopY(old, b)
		}
	}
}

// stopY keeps b out of a flat solid. It holds from below what has its centre above it.
func (s solid) stopY(old body, b *body) {
	if b.x < s.x0 || b.x > s.x1 {
		return
	}
	_, hy := b.half()
	top, bottom := s.y0-hy, s.y1+hy // of the centre
	switch {
	case old.y <= top+touching && b.y > top:
		if s.elastic {
			b.y, b.vy = 2*top-b.y, -b.vy
		} else {
			b.y, b.vy = top, 0
		}
	case old.y >= bottom-touching && b.y < bottom:
		if s.elastic {
			b.y, b.vy = 2*bottom-b.y, -b.vy
		} else {
			b.y, b.vy = bottom, 0
		}
	}
}

func (s solid) stopX(old body, b *body) {
	hx, _ := b.half()
	left, right := s.x0-hx, s.x1+hx
	switch {
	case old.x <= left+touching && b.x > left:
		b.x, b.vx = left, 0
	case old.x >= right-touching && b.x < right:
		b.x, b.vx = right, 0
	}
}

// collide solves the elastic impact of two bodies on one floor, if they met within the frame. p is left of q before.
func collide(p, q body, pNext, qNext *body) {
	_, ph := p.half()
	_, qh := q.half()
	if math.Abs(p.y-q.y) >= ph+qh {
		return
	}
	px, _ := p.half()
	qx, _ := q.half()
	gap, closing := q.x-p.x-px-qx, p.vx-q.vx
	if closing <= 0 || gap < -touching || gap >= closing {
		return
	}
	f := max(0, gap/closing) // of the frame until they meet
	m := p.mass() + q.mass()
	mean := (p.mass()*p.vx + q.mass()*q.vx) / m
	pNext.vx, qNext.vx = 2*mean-p.vx, 2*mean-q.vx
	pNext.x = p.x + p.vx*f + pNext.vx*(1-f)
	qNext.x = q.x + q.vx*f + qNext.vx*(1-f)
}
