package physics

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
)

// Clip is a short video. Only Pixels may reach a model; the rest groups results.
type Clip struct {
	Pixels   []uint8 // [Frames, Size, Size, Channels], owned by the caller
	Family   Family
	Possible bool
	Onset    int // first frame that shows the violation or, in a benign clip, the event; -1 without one
}

// Frame returns frame t, [Size, Size, Channels], a view of Pixels.
func (c Clip) Frame(t int) []uint8 {
	return c.Pixels[t*frameBytes : (t+1)*frameBytes : (t+1)*frameBytes]
}

// Quadruplet is two possible clips and the two impossible ones made of their halves.
//
//	P1 = (A1 | B1)    P2 = (A2 | B2)    I1 = (A1 | B2)    I2 = (A2 | B1)
//
// Prefix pairs, (P1, I1) and (P2, I2), share their past; suffix pairs, (P1, I2) and (P2, I1), share their future. On
// frames [Splice-Hidden, Splice) all four are the same bytes, noise included. Continuity is cut twice, at Splice and
// at Again, and its impossible clips go back to their past's clip at Again.
type Quadruplet struct {
	P1, P2, I1, I2 Clip
	Splice         int // first frame after the cut
	Hidden         int // length of the run of equal frames that ends at Splice
	Again          int // first frame after the second cut, 0 without one; its run of equal frames is as long
	Twin           bool

	scene *scene
}

// Clips returns P1, P2, I1 and I2, the order of Scores.
func (q *Quadruplet) Clips() [4]Clip { return [4]Clip{q.P1, q.P2, q.I1, q.I2} }

const (
	tagQuad = iota + 1
	tagTrain
	tagNoise
)

func newRand(words ...uint64) (*rand.Rand, uint64) {
	k := key(words...)
	return rand.New(rand.NewPCG(k, mix(k+golden))), key(k, tagNoise)
}

// Quad returns quadruplet i of the endless sequence that cfg, f and seed name. It is a pure function of its arguments
// and safe for concurrent use. Families with a twin alternate: even i are plain, odd i the twin. An invalid cfg or
// family panics.
func Quad(cfg Config, f Family, seed uint64, i int) Quadruplet {
	sc, n := quadScene(cfg, f, seed, i)
	q := Quadruplet{Splice: sc.splice, Again: sc.again, Twin: sc.twin, scene: sc}
	first, second := sc.draw(n, 0, sc.tracks[0]), sc.draw(n, 1, sc.tracks[1])
	third := first
	if sc.float != nil {
		third = sc.draw(n, 1, sc.float)
	}
	clip := func(possible bool, past, future []uint8) Clip {
		c := Clip{Pixels: past, Family: f, Possible: possible, Onset: -1}
		if possible {
			return c
		}
		c.Onset = sc.splice
		c.Pixels = make([]uint8, len(past))
		copy(c.Pixels, past)
		end := Frames
		if sc.again > 0 {
			end = sc.again
		}
		copy(c.Pixels[sc.splice*frameBytes:end*frameBytes], future[sc.splice*frameBytes:])
		return c
	}
	q.P1, q.P2 = clip(true, first, nil), clip(true, second, nil)
	q.I1, q.I2 = clip(false, first, second), clip(false, second, third)
	for q.Hidden < q.Splice && bytes.Equal(q.P1.Frame(q.Splice-q.Hidden-1), q.P2.Frame(q.Splice-q.Hidden-1)) {
		q.Hidden++
	}
	return q
}

func quadScene(cfg Config, f Family, seed uint64, i int) (*scene, *noise) {
	check(cfg)
	if f < 0 || f >= families {
		panic(fmt.Sprintf("physics: no %v", f))
	}
	r, k := newRand(seed, tagQuad, uint64(f), uint64(i))
	twins := f == Solidity || f == InertiaDirection || f == Gravity
	return build(r, cfg, f, twins && i%2 == 1), newNoise(cfg, k)
}

func check(cfg Config) {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
}

// Train returns training clip i of the endless sequence that cfg and seed name: a possible clip of the ten families
// or Support, twins included, or in one of five a clip of Family None, without any event; of the ten families alone if
// Plain. It is a pure function of its arguments and shares no clip with Quad or Benign, whatever the seeds. cfg.Split
// is not read. An invalid cfg panics.
func Train(cfg Config, seed uint64, i int) Clip {
	check(cfg)
	cfg.Split = Seen
	r, k := newRand(seed, tagTrain, uint64(i))
	var sc *scene
	which := r.IntN(2)
	last := Support
	if cfg.Plain {
		last = Collision
	}
	f := Family(r.IntN(int(last) + 1))
	if !cfg.Plain && r.IntN(5) == 0 {
		f = None
		d := newDraft(r, cfg, f, false)
		d.play()
		sc, which = &d.scene, 0
	} else {
		sc = build(r, cfg, f, r.IntN(2) == 1)
	}
	return Clip{Pixels: sc.draw(newNoise(cfg, k), which, sc.tracks[which]), Family: f, Possible: true, Onset: -1}
}

// Benign returns two possible clips to set beside quadruplet i of a family of tier T2: its first possible clip, in
// which the light changes by a quarter at the splice, and one in which the thing goes through a dark door there. The
// second has no Pixels where there is no room for the door. Another family panics.
func Benign(cfg Config, f Family, seed uint64, i int) [2]Clip {
	if f.Tier() != 2 {
		panic(fmt.Sprintf("physics: benign clips for %v, want a family of tier T2", f))
	}
	sc, n := quadScene(cfg, f, seed, i)
	light := sc.draw(n, 0, sc.tracks[0])
	g := 768
	if n.key&1 == 1 {
		g = 1280
	}
	gain(light[sc.splice*frameBytes:], g)
	clip := Clip{Family: f, Possible: true, Onset: sc.splice}
	clips := [2]Clip{clip, clip}
	clips[0].Pixels = light
	if sc.door(sc.tracks[0]) {
		clips[1].Pixels = sc.draw(n, 0, sc.tracks[0])
	}
	return clips
}

// draw renders a track, with pusher which: [Frames, Size, Size, Channels].
func (sc *scene) draw(n *noise, which int, tr *track) []uint8 {
	pixels := make([]uint8, Frames*frameBytes)
	still := sc.backdrop()
	n.still(still)
	for t := range Frames {
		dst := pixels[t*frameBytes : (t+1)*frameBytes]
		copy(dst, still)
		n.behind(dst, t)
		for _, s := range sc.world.solids {
			if !s.floor {
				fill(dst, sc.view.rect(s.pixels()), sc.look.solid)
			}
		}
		if p := sc.pushes[which]; p != nil {
			y := int(sc.world.pushY)
			fill(dst, sc.view.rect(rect{-Size, y - 1, int(math.Round(p[t])), y + 1}), sc.look.solid)
		}
		for _, b := range tr[t] {
			drawBody(dst, b, sc.view)
		}
		for i := range sc.screens {
			fill(dst, sc.view.rect(sc.screens[i].at[t]), sc.screens[i].colour)
		}
		n.before(dst, t)
	}
	return pixels
}

func (sc *scene) backdrop() []uint8 {
	dst := make([]uint8, frameBytes)
	fill(dst, rect{0, 0, Size, Size}, sc.look.back)
	fill(dst, sc.view.rect(rect{0, sc.look.ground, Size, Size}), sc.look.floor)
	return dst
}

func (s solid) pixels() rect {
	return rect{int(math.Round(s.x0)), int(math.Round(s.y0)), int(math.Round(s.x1)), int(math.Round(s.y1))}
}
