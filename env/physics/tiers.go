package physics

import "math"

// edge draws Support, tier T1: a pusher moves a block along a table, its edge behind the screen. Short of the edge
// the block stays, beyond it falls. The second impossible clip shows it in the air beyond the edge.
func (d *draft) edge() bool {
	d.side()
	b := d.body(3.2, 4.2)
	hx, hy := b.half()
	g := float64(d.look.ground)
	table := float64(d.look.ground - d.between(11, 14))
	end := math.Round(hx + d.uniform(20, 27))
	b.x, b.y = hx+d.uniform(4, 7), table-hy
	d.world.solids = append(d.world.solids, solid{x0: -Size, x1: end, y0: table, y1: table + 2})
	d.world.pushY = b.y
	v, wait := d.speed(2, 2.8), d.between(0, 2)
	home := b.x - hx - d.uniform(0, 2)
	shortTip, longTip := end-hx-d.uniform(0.6, 2), end+d.uniform(1.5, 3)
	var done int
	d.pushes[0], _ = thrust(home, shortTip, v, wait)
	d.pushes[1], done = thrust(home, longTip, v, wait)
	d.a = done + d.between(0, 1)
	d.s = d.a + d.h
	if d.s > Frames-6 {
		return false
	}
	for i := range d.tracks {
		d.world.push = d.pushes[i]
		d.tracks[i] = d.world.run([]body{b})
	}
	long := d.world
	long.solids = append([]solid{}, d.world.solids...)
	long.solids[1].x1 += Size
	d.float = long.run([]body{b})
	short, _ := d.tracks[0].reach(Frames-1, Frames)
	_, reach := d.tracks[1].reach(d.a, Frames)
	x0 := int(short) - d.between(1, 3)
	if float64(x0) < b.x+hx || d.tracks[1].visibleFrom(0, 0, d.a) < 4 {
		return false
	}
	d.lift(x0, int(reach)+d.between(2, 5), table-2*hy, min(table-2*hy, g), true)
	d.idle(rect{1, 1, Size - 1, int(table) - 20})
	return true
}

// thrust returns the tip of a pusher that waits, goes from home to far at speed v and comes back faster, and the
// frame from which it is home.
func thrust(home, far, v float64, wait int) (tip []float64, done int) {
	const back = 7
	tip = make([]float64, Frames)
	x, out := home, true
	for t := range tip {
		switch {
		case t == 0 || t <= wait:
		case out:
			x = min(far, x+v)
			out = x < far
		case x > home:
			x = max(home, x-back)
			done = t
		}
		tip[t] = x
	}
	return tip, done
}

// visible draws the families of tier T2: no screen hides the change.
func (d *draft) visible() bool {
	d.side()
	d.h, d.a = 0, d.between(8, Frames-8)
	d.s = d.a
	b := d.body(3.4, 4.8)
	hx, _ := b.half()
	v := 0.0
	if d.coin() {
		v = d.speed(0.2, 0.8)
	}
	other := d.ground(b, d.uniform(hx+1, Size-hx-1-v*Frames), v)
	b = other
	if d.family == VisibleColour {
		b.colour, other.colour = d.colours()
	} else {
		other.x = d.uniform(hx+1, Size-hx-1-v*Frames)
	}
	if other.x+v*Frames > Size-hx || d.family == VisibleTeleport && math.Abs(other.x-b.x) < 14 {
		return false
	}
	d.tracks = [2]*track{d.world.run([]body{b}), d.world.run([]body{other})}
	d.idle(d.upper())
	return true
}

// play draws a clip for training in which nothing is put to the test: a few things on a floor, or one seen from
// above, and screens that stand, rise or sink wherever they like.
func (d *draft) play() {
	if d.r.IntN(3) == 0 {
		d.view = view{transpose: d.coin(), flipX: d.coin(), flipY: d.coin()}
		b := d.body(3, 5)
		b.x, b.y = d.uniform(4, 40), d.uniform(8, 56)
		b.vx, b.vy = d.uniform(0, 2.4), d.uniform(-1, 1)
		d.tracks[0] = d.world.run([]body{b})
		for range d.r.IntN(3) {
			x, y := d.between(2, 40), d.between(2, 40)
			d.still(rect{x, y, x + d.between(8, 22), y + d.between(8, 22)})
		}
		return
	}
	d.side()
	for d.tracks[0] == nil {
		if tr := d.world.run(d.strew()); tr.apart() {
			d.tracks[0] = tr
		}
	}
	for range d.r.IntN(3) {
		w, x := d.between(9, 24), d.between(1, 50)
		d.a = d.between(2, Frames-8)
		d.s = d.between(d.a+3, Frames+6)
		top := float64(d.look.ground - d.between(5, 20))
		d.lift(x, x+w, top, top, d.coin())
	}
	d.idle(d.upper())
}

// strew puts up to three things on the floor, or lets one fly.
func (d *draft) strew() []body {
	var bodies []body
	x := d.uniform(-6, 20)
	for n := d.r.IntN(4); len(bodies) < n; {
		b := d.body(3, 5)
		hx, _ := b.half()
		v := 0.0
		if d.coin() {
			v = d.uniform(-1.2, 2)
		}
		b = d.ground(b, x+hx, v)
		if n == 1 && d.coin() {
			b.y -= d.uniform(5, 40)
			b.vy = d.uniform(-2, 2)
		}
		bodies = append(bodies, b)
		x += 2*hx + d.uniform(2, 24)
	}
	return bodies
}

// apart reports whether no two bodies of a track ever overlap, by more than a hundredth of a pixel.
func (tr *track) apart() bool {
	for _, bodies := range tr {
		for i, p := range bodies {
			px, py := p.half()
			for _, q := range bodies[:i] {
				qx, qy := q.half()
				if math.Abs(p.x-q.x) < px+qx-0.01 && math.Abs(p.y-q.y) < py+qy-0.01 {
					return false
				}
			}
		}
	}
	return true
}

// door stands a dark door in the way of the first body of a track, such that it begins to go in at frame s and does
// not come out; it returns false if there is no room.
func (d *scene) door(tr *track) bool {
	b := tr[d.splice][0]
	hx, hy := b.half()
	if b.vx < 0.1 {
		return false
	}
	x0 := int(math.Ceil(b.x - b.vx + hx))
	x1 := max(x0+int(2*hx)+3, int(math.Ceil(tr[Frames-1][0].x+hx))+1)
	if x1 > Size-1 {
		return false
	}
	sc := screen{colour: rgb{24, 22, 20}}
	for t := range sc.at {
		sc.at[t] = rect{x0, int(b.y-hy) - 4, x1, d.look.ground}
	}
	d.screens = append(d.screens, sc)
	return true
}
