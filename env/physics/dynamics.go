package physics

import "math"

// wall draws Solidity: a thing rolls behind the screen from the left or the right and stops at the wall there, whose
// top shows above the screen. In the twin there is no wall and it rolls through.
func (d *draft) wall() bool {
	d.side()
	const thick = 2
	b := d.body(3, 4)
	hx, hy := b.half()
	n := float64(d.h - 1)
	least := math.Ceil(4*hx + thick + 2) // room for the thing on both sides of the wall
	v := d.speed(max(0.8, (least-2*hx-0.8)/n), min(4.5, 24/n))
	into := d.uniform(0.05, min(0.6, v-0.4))
	w := int(math.Ceil(max(least, 2*hx+into+v*n))) + d.between(0, 1)
	w += w % 2
	if v*n < float64(w)-2*hx-4 || w > 46 { // it must come close to the far edge
		return false
	}
	xc := d.between(29, 35)
	x0, x1 := xc-w/2, xc+w/2
	entry := float64(x0) + hx + into
	if !d.twin {
		d.world.solids = append(d.world.solids, solid{
			x0: float64(xc) - thick/2, x1: float64(xc) + thick/2, upright: true, y1: float64(d.look.ground),
		})
	}
	left := d.ground(b, entry-v*float64(d.a), v)
	right := left
	right.x, right.vx = 2*float64(xc)-left.x, -v
	d.tracks = [2]*track{d.world.run([]body{left}), d.world.run([]body{right})}
	if d.tracks[0].visibleFrom(0, 0, d.a) < 4 || d.tracks[1].visibleFrom(0, 0, d.a) < 4 {
		return false
	}
	top := float64(d.look.ground) - 2*hy
	d.lift(x0, x1, top, top, true)
	high := d.screens[0].at[d.a].y0
	if !d.twin {
		d.world.solids[1].y0 = float64(max(1, high-d.between(5, 9)))
	}
	d.idle(d.upper(), rect{xc - 4, 0, xc + 4, Size})
	return high > 4
}

// crossing draws InertiaDirection, seen from above: two ways cross behind a cover. In the twin a mirror bar lies
// along the middle, its ends visible, and the thing is reflected.
func (d *draft) crossing() bool {
	d.view = view{transpose: d.coin(), flipX: d.coin(), flipY: d.coin()}
	b := d.body(3.2, 4.2)
	hx, hy := b.half()
	n := float64(d.h - 1)
	v := d.speed(1.2, min(2.4, 25/n))
	vy := v * d.uniform(0.4, 0.8)
	w := int(math.Ceil(2*hx + v*n))
	x0 := d.between(31, 33) - w/2
	xc, yc := float64(x0)+float64(w)/2, float64(d.between(29, 35))
	tm := float64(d.a+d.s-1) / 2
	turn := yc // the line where the two ways meet
	if d.twin {
		d.world.solids = []solid{{
			x0: float64(x0 - 7), x1: float64(x0 + w + 7), y0: yc - 1, y1: yc + 1, elastic: true,
		}}
		turn = yc - 1 - hy
	}
	b.x, b.y, b.vx, b.vy = xc-v*tm, turn-vy*tm, v, vy
	low := b
	low.y, low.vy = 2*yc-b.y, -vy
	d.tracks = [2]*track{d.world.run([]body{b}), d.world.run([]body{low})}
	for _, tr := range d.tracks {
		if tr.visibleFrom(0, 0, d.a) < 5 || tr.visibleFrom(0, d.s, Frames) < 5 {
			return false
		}
	}
	most := math.Abs(d.tracks[0][d.a][0].y-yc) + hy // of what is hidden, from the middle
	margin := d.between(1, 4)
	if d.cfg.Split == UnseenScreens {
		margin = d.between(6, 8)
	}
	half := int(math.Ceil(most)) + margin
	cover := rect{x0, int(yc) - half, x0 + w, int(yc) + half}
	if cover.y0 < 1 || cover.y1 > Size-1 || cover.x0 < 8 || cover.x1 > Size-8 {
		return false
	}
	if v*(n+2)/2 <= float64(w)/2-hx+0.2 { // shows just before and just after
		return false
	}
	d.still(cover)
	d.idle(rect{cover.x0, 1, cover.x1, cover.y0 - 1})
	return true
}

// speeds draws InertiaSpeed: a fast or a slow thing, both at one place in the middle of the hidden run. The screen
// stands, then sinks.
func (d *draft) speeds() bool {
	d.side()
	b := d.body(3, 4.2)
	hx, hy := b.half()
	n := float64(d.h - 1)
	fast := d.speed(1.3, min(2.8, 29/n))
	slow := fast / d.uniform(1.45, 2.1)
	d.a = d.between(margins, Frames-5-d.h)
	d.s = d.a + d.h
	x0 := d.between(10, 26)
	entry := float64(x0) + hx + d.uniform(0.05, fast-0.4)
	x1 := int(math.Ceil(entry+fast*n+hx)) + d.between(0, 4)
	if x1 > Size-4 {
		return false
	}
	half := float64(d.a+d.s-1) / 2
	centre := entry + fast*n/2
	d.tracks = [2]*track{
		d.world.run([]body{d.ground(b, centre-fast*half, fast)}),
		d.world.run([]body{d.ground(b, centre-slow*half, slow)}),
	}
	if d.tracks[0].visibleFrom(0, 0, d.a) < 4 || d.tracks[1][3][0].x-hx > float64(x0)-1.5 {
		return false
	}
	top := float64(d.look.ground) - 2*hy
	d.lift(x0, x1, top, top, true)
	d.idle(d.upper())
	return true
}

// shelf draws Gravity: a thing falls, or was thrown up, in the column of a cover that slides before it and away. A
// shelf, its ends visible, catches the one and stops the other; in the twin there is none.
func (d *draft) shelf() bool {
	d.side()
	b := d.body(2.8, 3.8)
	hx, hy := b.half()
	b.x = d.uniform(24, 40)
	level := d.uniform(18, 36) // the middle of the shelf
	reach := hy + 1
	ballistic := func(t, w float64) body { // at level at frame t with velocity w
		c := b
		c.vy = w - gravity*t
		c.y = level - w*t + gravity/2*t*t
		return c
	}
	mid := float64(d.a+d.s-1) / 2
	quick := [...][2]float64{{3, 2.1}, {3, 1.6}, {2.7, 1.1}, {2.25, 1}}[d.h/4-1] // what the frame has room for
	up := d.speed(quick[1]/2, quick[1])
	down := d.speed(max(1.4, 0.5*up), quick[0])
	if down > 2.6*up { // or the twin could be told by which way is shorter
		return false
	}
	fall, throw := ballistic(mid+d.uniform(-1, 1), down), ballistic(mid+d.uniform(-1, 1), -up)
	g := float64(d.look.ground)
	if throw.y > g-hy || throw.vy > 0 || fall.y < -2*hy || fall.vy < -0.2 {
		return false
	}
	free := [2]*track{d.world.run([]body{fall}), d.world.run([]body{throw})}
	ft, tt := free[0], free[1]
	switch {
	case ft.visibleFrom(0, 0, d.a) < 4 || tt.visibleFrom(0, 0, d.a) < 4:
		return false
	case ft[d.a-1][0].y > level-reach-0.5 || tt[d.a-1][0].y < level+reach+0.5: // before the shelf
		return false
	case ft[d.s-1][0].y < level-reach+0.5 || tt[d.s-1][0].y > level+reach-0.5: // behind it
		return false
	case ft[d.s][0].y-tt[d.s][0].y < 6 || tt.visibleFrom(0, d.s, d.s+5) < 5:
		return false
	}
	d.tracks = free
	if !d.twin {
		arm := d.uniform(13, 18)
		d.world.solids = append(d.world.solids, solid{x0: b.x - arm, x1: b.x + arm, y0: level - 1, y1: level + 1})
		d.tracks = [2]*track{d.world.run([]body{fall}), d.world.run([]body{throw})}
	}
	x0, x1 := d.slide(b.x-hx, b.x+hx)
	keep := rect{x0 - 12, 0, x1 + 12, Size}
	d.idle(rect{1, 1, Size - 1, d.look.ground - 4}, keep)
	return true
}

// slide adds a cover of full height that comes from the right, hides columns lo to hi on [a, s) and leaves to one
// side; one frame earlier or later at least a column shows.
func (d *draft) slide(lo, hi float64) (x0, x1 int) {
	u := d.between(4, 6)
	x0, x1 = int(math.Floor(lo))-d.between(0, u-2), int(math.Ceil(hi))+d.between(0, u-2)
	leave := u
	if d.coin() {
		leave = -u
	}
	sc := screen{colour: d.screenColour()}
	for t := range sc.at {
		shift := u*max(0, d.a-t) + leave*max(0, t-(d.s-1))
		sc.at[t] = rect{x0 + shift, 0, x1 + shift, d.look.ground}
	}
	d.screens = append(d.screens, sc)
	return x0, x1
}

// impact draws Collision: a thing rolls in and hits another, or both have been at rest side by side. The screen rises
// and sinks.
func (d *draft) impact() bool {
	d.side()
	roller, target := d.body(3, 4.2), d.body(3, 4.2)
	target.shape = roller.shape
	roller.colour, target.colour = d.colours()
	if d.coin() {
		target.r = roller.r
	}
	ax, ay := roller.half()
	bx, by := target.half()
	v := d.speed(0.8, min(2.2, 17/float64(d.h)))
	when := d.uniform(float64(d.a)+1, float64(d.s)-2) // of the impact
	x := d.uniform(24, 44)                            // of the target
	touch := x - ax - bx
	one := []body{d.ground(roller, touch-v*when, v), d.ground(target, x, 0)}
	two := []body{d.ground(roller, touch, 0), d.ground(target, x, 0)}
	d.tracks = [2]*track{d.world.run(one), d.world.run(two)}
	lo, hi := d.tracks[0].reach(d.a, d.s)
	lo, hi = min(lo, touch-ax), max(hi, x+bx)
	if d.tracks[0].visibleFrom(0, 0, d.a) < 4 || lo < 4 || hi > Size-6 {
		return false
	}
	g := float64(d.look.ground)
	d.lift(int(lo)-d.between(0, 2), int(hi)+1+d.between(0, 2), g-2*ay, g-2*max(ay, by), false)
	d.idle(d.upper())
	return true
}
