package physics

import "math"

// identity draws Permanence, ShapeConstancy and ColourConstancy: one track, two things on it, or one and none. Either
// the screen rises before a thing at rest or slow, or the thing rolls behind a standing one. The screen then sinks.
func (d *draft) identity() bool {
	d.side()
	b := d.body(3.6, 5)
	other := b
	switch d.family {
	case ShapeConstancy:
		b.shape, other.shape = d.outlines()
	case ColourConstancy:
		b.colour, other.colour = d.colours()
	}
	bx, by := b.half()
	ox, oy := other.half()
	hx, hy := max(bx, ox), max(by, oy)
	standing := d.coin()
	var x0, x1 int
	var start, v float64
	if standing {
		v = d.speed(0.8, min(1.8, 27/float64(d.h)))
		x0 = d.between(8, 28)
		entry := float64(x0) + hx + d.uniform(0.05, v-0.3)
		x1 = int(math.Ceil(entry+v*float64(d.h-1)+hx)) + d.between(0, 5)
		start = entry - v*float64(d.a)
	} else {
		if d.coin() {
			v = d.speed(0.1, 0.4)
		}
		centre := d.uniform(20, 44)
		half := hx + v*float64(d.h)/2
		x0, x1 = int(centre-half)-d.between(0, 5), int(centre+half)+1+d.between(0, 5)
		start = centre - v*float64(d.a+d.s-1)/2
	}
	if x1 > Size-2 || x0 < 2 {
		return false
	}
	one := []body{d.ground(b, start, v)}
	two := []body{d.ground(other, start, v)}
	if d.family == Permanence {
		two = nil
		if d.coin() {
			one, two = two, one
		}
	}
	lo := min(start-hx, float64(x0))
	hi := max(start+v*Frames+hx, float64(x1))
	d.bystanders(lo, hi, &one, &two)
	d.tracks = [2]*track{d.world.run(one), d.world.run(two)}
	moving := d.tracks[0]
	if len(one) < len(two) {
		moving = d.tracks[1]
	}
	if moving.visibleFrom(0, 0, d.a) < 4 {
		return false
	}
	top := float64(d.look.ground) - 2*hy
	d.lift(x0, x1, top, top, standing)
	d.idle(d.upper())
	return true
}

// gap draws Continuity: a thing rolls behind one screen, shows in the gap and rolls behind another, or there is none.
func (d *draft) gap() bool {
	d.side()
	b := d.body(2.8, 3.6)
	hx, hy := b.half()
	v := d.speed(1.2, 1.9)
	n := float64(d.h - 1)
	d.a = d.between(4, 9)
	x0 := d.between(5, 12)
	entry := float64(x0) + hx + d.uniform(0.05, v-0.9) // x at frame a
	x1 := int(math.Ceil(entry + v*n + hx))
	d.s = d.a + d.h
	y0 := x1 + d.between(6, 12)
	a2 := d.a + int(math.Ceil((float64(y0)+hx-entry)/v))
	y1 := int(math.Ceil(entry + v*(float64(a2-d.a)+n) + hx))
	d.again = a2 + d.h
	if d.again > Frames-4 || a2-d.s < 4 || y1 > Size-4 {
		return false
	}
	one := []body{d.ground(b, entry-v*float64(d.a), v)}
	d.tracks = [2]*track{d.world.run(one), d.world.run(nil)}
	if d.tracks[0].visibleFrom(0, 0, d.a) < 4 {
		return false
	}
	high := int(float64(d.look.ground)-2*hy) - 1 - d.above()
	d.still(rect{x0, high, x1, d.look.ground})
	d.still(rect{y0, high + d.between(-3, 0), y1, d.look.ground})
	d.idle(rect{1, 1, Size - 1, high - 4})
	return true
}

// places draws Teleport: a thing rests, or drifts, behind one end of a wide screen or the other, or behind one of two
// screens.
func (d *draft) places() bool {
	d.side()
	b := d.body(3.4, 4.6)
	hx, hy := b.half()
	v := 0.0
	if d.coin() {
		v = d.speed(0.05, 0.15)
	}
	half := hx + v*float64(d.h)/2
	left, right := d.uniform(half+4, 24), d.uniform(40, Size-half-4)
	at := func(centre float64) *track {
		return d.world.run([]body{d.ground(b, centre-v*float64(d.a+d.s-1)/2, v)})
	}
	d.tracks = [2]*track{at(left), at(right)}
	top := float64(d.look.ground) - 2*hy
	x0, x1 := int(left-half)-d.between(0, 3), int(right+half)+1+d.between(0, 3)
	if d.coin() {
		d.lift(x0, x1, top, top, false)
	} else {
		d.lift(x0, int(left+half)+1+d.between(0, 3), top, top, false)
		first := d.screens[0]
		first.colour = d.screenColour()
		cut := int(right-half) - d.between(0, 3)
		for t := range first.at {
			first.at[t].x0, first.at[t].x1 = cut, x1
		}
		d.screens = append(d.screens, first)
	}
	d.idle(d.upper())
	return true
}
