package physics

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// look is what the still parts of a clip are painted with.
type look struct {
	back, floor, solid rgb
	ground             int // first row of the floor, Size without one
}

// scene is all of a quadruplet before it is drawn. The two tracks agree in all that shows on the hidden run.
type scene struct {
	family  Family
	twin    bool
	world   world
	look    look
	view    view
	screens []screen
	tracks  [2]*track // the two possible clips
	float   *track    // Support: the future of the second impossible clip
	pushes  [2][]float64
	splice  int // first frame after the hidden run
	hidden  int
	again   int // first frame after the second hidden run, or 0
	event   rect
}

// draft draws one scene. A family's method fills it, or returns false to be asked again with fresh numbers.
type draft struct {
	scene
	r    *rand.Rand
	cfg  Config
	a, s int // the hidden run is [a, s)
	h    int
}

// margins are the visible frames at the least before and after the hidden run.
const margins = 7

// newDraft starts a scene: colours, a hidden run, nothing in the world.
func newDraft(r *rand.Rand, cfg Config, f Family, twin bool) *draft {
	d := &draft{r: r, cfg: cfg}
	d.family, d.twin = f, twin
	d.hide()
	d.paint()
	return d
}

// hide draws how long and when the cut is hidden.
func (d *draft) hide() {
	d.h = d.cfg.Hidden
	switch {
	case d.h == 0 && d.cfg.Plain:
		d.h = 12
	case d.h == 0:
		d.h = 4 * (1 + d.r.IntN(4))
	}
	d.h = min(d.h, d.family.MaxHidden())
	if d.cfg.Plain && d.cfg.Hidden == 0 {
		d.a = (Frames - d.h) / 2
	} else {
		d.a = d.between(margins, Frames-margins-d.h)
	}
	d.s = d.a + d.h
}

// paint draws the colours of what is still.
func (d *draft) paint() {
	d.look.ground = Size
	if d.cfg.Plain {
		d.look.back, d.look.floor, d.look.solid = rgb{175, 175, 175}, rgb{130, 130, 130}, rgb{30, 30, 30}
		return
	}
	tone := d.between(145, 205)
	d.look.back = d.tint(tone, 14)
	d.look.floor = d.tint(tone-40, 10)
	d.look.solid = d.tint(d.between(15, 45), 8)
}

// build returns the scene of a family, trying until its geometry fits.
func build(r *rand.Rand, cfg Config, f Family, twin bool) *scene {
	methods := [families]func(*draft) bool{
		(*draft).identity, (*draft).identity, (*draft).identity, (*draft).gap, (*draft).places, (*draft).wall,
		(*draft).crossing, (*draft).speeds, (*draft).shelf, (*draft).impact, (*draft).edge, (*draft).visible,
		(*draft).visible,
	}
	const attempts = 20_000
	for range attempts {
		d := newDraft(r, cfg, f, twin)
		if methods[f](d) {
			d.hidden, d.splice = d.h, d.s
			return &d.scene
		}
	}
	panic(fmt.Sprintf("physics: no scene of %v with hidden run %d in %d attempts", f, cfg.Hidden, attempts))
}

// between returns a whole number in [lo, hi], lo if hi is less.
func (d *draft) between(lo, hi int) int { return lo + d.r.IntN(max(1, hi-lo+1)) }

func (d *draft) uniform(lo, hi float64) float64 { return lo + (hi-lo)*d.r.Float64() }

func (d *draft) coin() bool { return d.r.IntN(2) == 0 }

// speed draws from [lo, hi], or faster than that in the split of unseen speeds.
func (d *draft) speed(lo, hi float64) float64 {
	if d.cfg.Split == UnseenSpeeds {
		return d.uniform(1.1*hi, 1.3*hi)
	}
	return d.uniform(lo, hi)
}

// above draws by how many pixels a screen overtops what it must hide.
func (d *draft) above() int {
	if d.cfg.Split == UnseenScreens {
		return d.between(14, 20)
	}
	return d.between(0, 10)
}

// colours draws two different colours of bodies.
func (d *draft) colours() (p, q int) {
	lo, n := 0, seenColours
	if d.cfg.Plain {
		n = 2
	}
	if d.cfg.Split == UnseenColours {
		lo, n = seenColours, len(palette)-seenColours
	}
	p, q = d.two(n)
	return lo + p, lo + q
}

// outlines draws two different shapes.
func (d *draft) outlines() (p, q shape) {
	lo, n := disc, int(seenShapes)
	if d.cfg.Plain {
		n = 2
	}
	if d.cfg.Split == UnseenShapes {
		lo, n = seenShapes, int(shapes-seenShapes)
	}
	i, j := d.two(n)
	return lo + shape(i), lo + shape(j)
}

func (d *draft) two(n int) (i, j int) {
	i = d.r.IntN(n)
	return i, (i + 1 + d.r.IntN(n-1)) % n
}

// body draws a body of radius in [lo, hi], or larger than that in the split of unseen sizes.
func (d *draft) body(lo, hi float64) body {
	c, _ := d.colours()
	s, _ := d.outlines()
	if d.cfg.Split == UnseenSizes {
		lo, hi = 1.15*hi, 1.3*hi
	}
	return body{r: d.uniform(lo, hi), shape: s, colour: c}
}

// tint returns a colour of about the given grey level.
func (d *draft) tint(level, spread int) rgb {
	var c rgb
	for k := range c {
		c[k] = clamp8(level + d.between(-spread, spread))
	}
	return c
}

func (d *draft) screenColour() rgb {
	if d.cfg.Plain {
		return rgb{90, 100, 80}
	}
	return d.tint(d.between(70, 125), 25)
}

// side makes the world one seen from the side, with gravity and a floor.
func (d *draft) side() {
	d.look.ground = 54
	if !d.cfg.Plain {
		d.look.ground = d.between(51, 58)
	}
	g := float64(d.look.ground)
	d.world.gravity = gravity
	d.world.solids = append(d.world.solids, solid{x0: -10 * Size, y0: g, x1: 10 * Size, y1: g + Size, floor: true})
	d.view.flipX = d.coin()
}

// ground puts b on the floor at x.
func (d *draft) ground(b body, x, vx float64) body {
	_, hy := b.half()
	b.x, b.y, b.vx, b.vy = x, float64(d.look.ground)-hy, vx, 0
	return b
}

// lift adds a screen over columns [x0, x1) that stands on the floor and just hides what reaches up to before at
// frame a and up to after at frame s-1: one frame earlier or later at least a row of it shows. A standing one is up
// from the start.
func (d *draft) lift(x0, x1 int, before, after float64, standing bool) {
	u := d.between(4, 6)
	edge := d.between(0, u-2)
	coverA, coverS := int(math.Floor(before))-edge, int(math.Floor(after))-edge
	high := max(2, min(coverA, coverS)-d.above())
	sc := screen{colour: d.screenColour()}
	for t := range sc.at {
		top := max(high, coverS-u*(d.s-1-t))
		if !standing {
			top = max(top, coverA-u*(t-d.a))
		}
		sc.at[t] = rect{x0, min(top, d.look.ground), x1, d.look.ground}
	}
	d.screens = append(d.screens, sc)
}

// still adds a screen that does not move.
func (d *draft) still(r rect) {
	sc := screen{colour: d.screenColour()}
	for t := range sc.at {
		sc.at[t] = r
	}
	d.screens = append(d.screens, sc)
}

// idle adds, to half of the clips, a screen that hides nothing: within region and clear of keep. Some leave upward.
func (d *draft) idle(region rect, keep ...rect) {
	if d.cfg.Plain || d.coin() {
		return
	}
	for range 10 {
		w, h := d.between(7, 16), d.between(6, 12)
		x, y := d.between(region.x0, region.x1-w), d.between(region.y0, region.y1-h)
		r := rect{x, y, x + w, y + h}
		ok := r.x1 <= region.x1 && r.y1 <= region.y1
		for _, k := range keep {
			ok = ok && !r.overlaps(k)
		}
		if !ok {
			continue
		}
		d.still(r)
		if at := &d.screens[len(d.screens)-1].at; d.r.IntN(3) == 0 {
			leave, u := d.between(2, Frames-4), d.between(2, 5)
			for t := leave; t < Frames; t++ {
				at[t].y0 -= u * (t - leave)
				at[t].y1 -= u * (t - leave)
			}
		}
		return
	}
}

// upper is where an idle screen of a world with a floor may hang: above all that rolls.
func (d *draft) upper() rect { return rect{1, 1, Size - 1, d.look.ground - 24} }

// bystanders adds up to two bodies at rest to both tracks' first frames, clear of columns [lo, hi).
func (d *draft) bystanders(lo, hi float64, firsts ...*[]body) {
	if d.cfg.Plain {
		return
	}
	for range d.r.IntN(3) {
		b := d.body(3, 4.5)
		hx, _ := b.half()
		b = d.ground(b, d.uniform(hx, Size-hx), 0)
		free := b.x+hx+1 < lo || b.x-hx-1 > hi
		for _, o := range *firsts[0] {
			ox, _ := o.half()
			free = free && (math.Abs(o.x-b.x) > ox+hx+1 || o.x >= lo && o.x <= hi)
		}
		if !free {
			continue
		}
		for _, f := range firsts {
			*f = append(*f, b)
		}
	}
}

// visibleFrom counts the frames in [lo, hi) in which body i of a track is within the frame by at least a pixel.
func (tr *track) visibleFrom(i, lo, hi int) int {
	n := 0
	for t := lo; t < hi; t++ {
		b := tr[t][i]
		hx, hy := b.half()
		if b.x+hx > 1 && b.x-hx < Size-1 && b.y+hy > 1 && b.y-hy < Size-1 {
			n++
		}
	}
	return n
}

// reach returns the columns that the bodies of a track cover within [lo, hi).
func (tr *track) reach(lo, hi int) (x0, x1 float64) {
	x0, x1 = math.Inf(1), math.Inf(-1)
	for t := lo; t < hi; t++ {
		for _, b := range tr[t] {
			hx, _ := b.half()
			x0, x1 = min(x0, b.x-hx), max(x1, b.x+hx)
		}
	}
	return x0, x1
}
