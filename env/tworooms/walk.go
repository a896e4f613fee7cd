package tworooms

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// WalkConfig says how training trajectories are drawn. The zero value is EB-JEPA's: 91 frames, random layouts, 35 %
// of the walks led through the door.
type WalkConfig struct {
	// Frames is the number of points, one more than actions; 0 means 91.
	Frames int
	// Layout says from which layouts each walk draws its own; Fixed is the one of LayoutFixed, zero meaning 32/18.
	Layout LayoutMode
	Fixed  Layout
	// CrossRate is the share of walks led through the door; 0 means 0.35 (PLDM used 0.60), below 0 means none.
	CrossRate float64
}

// Validate reports what is wrong with the config, or nil.
func (c WalkConfig) Validate() error {
	if c.Frames < 0 || c.Frames == 1 {
		return fmt.Errorf("tworooms: a walk of %d frames, want 2 or more", c.Frames)
	}
	if !(c.CrossRate <= 1) {
		return fmt.Errorf("tworooms: cross rate %v, want at most 1", c.CrossRate)
	}
	return validLayout(c.Layout, c.Fixed)
}

func (c WalkConfig) withDefaults() WalkConfig {
	if err := c.Validate(); err != nil {
		panic(err.Error())
	}
	if c.Frames == 0 {
		c.Frames = 91
	}
	if c.CrossRate == 0 {
		c.CrossRate = 0.35
	}
	return c
}

// Walk is one training trajectory: n points and the n-1 actions between them. Actions are what was commanded, not
// what happened: Points[t+1] is Points[t] + Actions[t], or Points[t] where the move was blocked.
type Walk struct {
	Layout  Layout
	Points  []Point
	Actions []Point
}

// Walks returns training trajectory i of the endless sequence that cfg and seed name. It is a pure function of its
// arguments; sequences of two seeds, and two trajectories of one, are drawn independently.
//
//	free (65 %):  start uniform in [4, 60]², moved left or right out of the wall; θ_0 uniform; a_t = r_t(cos θ_t, sin θ_t),
//	              θ_{t+1} = θ_t + vonMises(0, κ = 5), r_t ~ N(1, 0.4²) within [0.2, 1.8]
//	led  (35 %):  a point of the door (x uniform over the wall's width, y ~ N(DoorY, 1.4²) within ±4), a random step k,
//	              and two such walks leaving the point in opposite directions, θ_0 within ±π/4 of the horizontal, glued at
//	              step k; half of the paths are reversed; the start is the door's point less the actions before it, held
//	              to [4.01, 59.99]
//
// An invalid cfg panics with what Validate reports.
//
// Source: PLDM and EB-JEPA, wall data set. Differs: a led walk that would start inside the wall (3 % of them)
// is drawn again; there the dot would stay inside.
func Walks(cfg WalkConfig, seed uint64, i int) Walk {
	cfg = cfg.withDefaults()
	r := newRand(seed, streamWalk, i)
	l := cfg.Layout.draw(r, cfg.Fixed)
	if r.Float64() < cfg.CrossRate {
		start, actions := ledPath(r, l, cfg.Frames)
		return follow(l, start, actions)
	}
	start := freeStart(r, l)
	steps := stepWalk{r: r, heading: uniform(r, 0, 2*math.Pi)}
	actions := make([]Point, cfg.Frames-1)
	for t := range actions {
		actions[t] = steps.next()
	}
	return follow(l, start, actions)
}

// Render returns the walk's frames, [len(Points), size, size, 2], as Render draws them.
func (w Walk) Render(size int) []uint8 {
	r := NewRenderer(size, w.Layout)
	frames := make([]uint8, len(w.Points)*r.FrameSize())
	for t, p := range w.Points {
		r.Draw(frames[t*r.FrameSize():(t+1)*r.FrameSize()], p)
	}
	return frames
}

// follow walks the actions from start under the training rule.
func follow(l Layout, start Point, actions []Point) Walk {
	points := make([]Point, len(actions)+1)
	points[0] = start
	for t, a := range actions {
		points[t+1] = moveTraining(l, points[t], a)
	}
	return Walk{Layout: l, Points: points, Actions: actions}
}

// freeStart draws a start uniform in [4, 60]²; one in the wall gets a new x, left or right of the wall.
func freeStart(r *rand.Rand, l Layout) Point {
	p := Point{uniform(r, borderLow, borderHigh), uniform(r, borderLow, borderHigh)}
	for !l.Legal(p) { // again only for a value exactly on a bound
		if r.Uint64()&1 == 0 {
			p.X = uniform(r, borderLow, l.left())
		} else {
			p.X = uniform(r, l.right(), borderHigh)
		}
		p.Y = max(p.Y, math.Nextafter(borderLow, borderHigh))
	}
	return p
}

// ledPath draws the start and the actions of a walk of n frames led through the door.
func ledPath(r *rand.Rand, l Layout, n int) (Point, []Point) {
	for {
		door := Point{uniform(r, l.left(), l.right()), truncNormal(r, float64(l.DoorY), 1.4, doorHalf)}
		k := 1 + r.IntN(n-1)
		base := math.Pi + uniform(r, -math.Pi/4, math.Pi/4)
		actions := make([]Point, n-1)
		before := stepWalk{r: r, heading: base}
		for t := k - 1; t >= 0; t-- {
			actions[t] = before.next().Scale(-1)
		}
		after := stepWalk{r: r, heading: base + math.Pi}
		after.next() // the published walk drops the first action after the door
		for t := k; t < n-1; t++ {
			actions[t] = after.next()
		}
		if r.Uint64()&1 == 0 {
			reverse(actions)
			k = n - k
		}
		start := door
		for _, a := range actions[:k] {
			start = start.Sub(a)
		}
		start.X = max(borderLow+0.01, min(borderHigh-0.01, start.X))
		start.Y = max(borderLow+0.01, min(borderHigh-0.01, start.Y))
		if l.Legal(start) {
			return start, actions
		}
	}
}

// reverse turns a path round: last action first, each negated.
func reverse(actions []Point) {
	for i, j := 0, len(actions)-1; i <= j; i, j = i+1, j-1 {
		actions[i], actions[j] = actions[j].Scale(-1), actions[i].Scale(-1)
	}
}

func validLayout(m LayoutMode, fixed Layout) error {
	if m < 0 || int(m) >= len(layoutModes) {
		return fmt.Errorf("tworooms: no layout mode %d", int(m))
	}
	if fixed != (Layout{}) && !fixed.Valid() {
		return fmt.Errorf("tworooms: fixed layout %d/%d is outside %d..%d / %d..%d",
			fixed.WallX, fixed.DoorY, MinWallX, MaxWallX, MinDoorY, MaxDoorY)
	}
	return nil
}
