package physics

import (
	"math"
	"testing"
)

// law checks a track against what the package comment promises, without the simulator: straight or parabolic motion
// but where something is touched, no more energy after than before, nothing inside anything.
func law(t *testing.T, name string, sc *scene, tr *track) {
	t.Helper()
	if !tr.apart() {
		t.Errorf("%s: bodies overlap", name)
	}
	for u := 1; u+1 < Frames; u++ {
		if len(tr[u]) != len(tr[0]) {
			t.Fatalf("%s: %d bodies at frame %d, %d at 0", name, len(tr[u]), u, len(tr[0]))
		}
		energy := [2]float64{}
		for i, b := range tr[u] {
			prev, next := tr[u-1][i], tr[u+1][i]
			if b.shape != tr[0][i].shape || b.colour != tr[0][i].colour || b.r != tr[0][i].r {
				t.Errorf("%s: body %d is another at frame %d", name, i, u)
			}
			_, hy := b.half()
			for _, s := range sc.world.solids {
				hx, _ := b.half()
				if b.x+hx > s.x0+0.01 && b.x-hx < s.x1-0.01 && b.y+hy > s.y0+0.01 && b.y-hy < s.y1-0.01 && sc.family != Support {
					t.Errorf("%s: body %d is inside a solid at frame %d", name, i, u)
				}
			}
			ax, ay := next.x-2*b.x+prev.x, next.y-2*b.y+prev.y-sc.world.gravity
			if math.Hypot(ax, ay) > 1e-9 && !touches(sc, tr, u, i) {
				t.Errorf("%s: body %d is pulled by (%.3g, %.3g) in empty space at frame %d", name, i, ax, ay, u)
			}
			for k, at := range []body{prev, next} {
				energy[k] += at.mass() * ((at.vx*at.vx+at.vy*at.vy)/2 - sc.world.gravity*at.y)
			}
		}
		if sc.world.push == nil && energy[1] > energy[0]+1e-6 {
			t.Errorf("%s: energy rises from %.6g to %.6g at frame %d", name, energy[0], energy[1], u)
		}
	}
}

// touches reports whether body i is within reach of a solid, another body or the pusher around frame u.
func touches(sc *scene, tr *track, u, i int) bool {
	b := tr[u][i]
	hx, hy := b.half()
	hx, hy = hx+math.Abs(b.vx)+0.5, hy+math.Abs(b.vy)+0.5
	for _, s := range sc.world.solids {
		if b.x+hx > s.x0 && b.x-hx < s.x1 && b.y+hy > s.y0 && b.y-hy < s.y1 {
			return true
		}
	}
	for j, o := range tr[u] {
		ox, _ := o.half()
		if j != i && math.Abs(o.x-b.x) < hx+ox+math.Abs(o.vx) {
			return true
		}
	}
	return sc.world.push != nil
}

// Possible clips obey the laws, in tests of every split, plain ones and in training.
func TestPossibleClipsObeyTheLaws(t *testing.T) {
	for f := range families {
		for i := range 16 {
			cfg := Config{Split: Split(i % int(splits))}
			if i >= 12 {
				cfg = Config{Plain: true}
			}
			sc, _ := quadScene(cfg, f, quadSeed, i)
			for k, tr := range sc.tracks {
				law(t, f.String()+"/P"+string(rune('1'+k)), sc, tr)
			}
		}
	}
	for i := range 60 {
		r, _ := newRand(quadSeed, 99, uint64(i))
		d := newDraft(r, Config{}, None, false)
		d.play()
		law(t, "play", &d.scene, d.tracks[0])
	}
}

// Impulse is conserved in Collision, and what is hit leaves faster than what hit it.
func TestCollisionConservesImpulse(t *testing.T) {
	equal := 0
	for i := range 20 {
		q := Quad(Config{}, Collision, quadSeed, i)
		before, after := q.scene.tracks[0][0], q.scene.tracks[0][Frames-1]
		impulse := func(b []body) float64 { return b[0].mass()*b[0].vx + b[1].mass()*b[1].vx }
		if d := impulse(before) - impulse(after); math.Abs(d) > 1e-9 {
			t.Errorf("index %d: impulse changes by %g", i, d)
		}
		if after[1].vx <= after[0].vx || before[1].vx != 0 {
			t.Errorf("index %d: from %g, %g to %g, %g", i, before[0].vx, before[1].vx, after[0].vx, after[1].vx)
		}
		if before[0].r == before[1].r {
			equal++
			if math.Abs(after[0].vx) > 1e-9 {
				t.Errorf("index %d: equal masses, the first rolls on at %g", i, after[0].vx)
			}
		}
	}
	if equal == 0 || equal == 20 {
		t.Errorf("%d of 20 with equal masses", equal)
	}
}

// Plain clips have one look and one time, and show nothing but their event; training's are of the ten families alone.
func TestPlain(t *testing.T) {
	var screens, bodies, looks, times = map[rgb]bool{}, map[[2]int]bool{}, map[look]bool{}, map[int]bool{}
	for _, f := range Families() {
		for i := range 20 {
			sc, _ := quadScene(Config{Plain: true}, f, quadSeed, i)
			if f != Continuity && f != InertiaSpeed { // which find their own
				times[sc.splice] = true
			}
			k := sc.look
			k.ground = 0 // families seen from above have none
			looks[k] = true
			for _, s := range sc.screens {
				screens[s.colour] = true
			}
			for _, tr := range sc.tracks {
				if most := map[Family]int{Collision: 2}[f]; len(tr[0]) > max(1, most) {
					t.Errorf("%v index %d shows %d bodies", f, i, len(tr[0]))
				}
				for _, b := range tr[0] {
					bodies[[2]int{b.colour, int(b.shape)}] = true
				}
			}
		}
	}
	if len(looks) != 1 || len(screens) != 1 || len(times) != 1 || len(bodies) != 4 {
		t.Errorf("%d looks, %d colours of screens, %d times, bodies %v; want 1, 1, 1 and two colours of two shapes", len(looks), len(screens), len(times), bodies)
	}
	seen := map[Family]bool{}
	for i := range 300 {
		seen[Train(Config{Plain: true}, quadSeed, i).Family] = true
	}
	if seen[None] || seen[Support] || len(seen) != 10 {
		t.Errorf("training clips of %v, want the ten families", seen)
	}
}

// The splits draw what training never does.
func TestSplitsAreUnseen(t *testing.T) {
	for f := range families {
		for i := range 8 {
			for s := Seen; s < splits; s++ {
				sc, _ := quadScene(Config{Hidden: 8, Split: s}, f, quadSeed, i)
				for _, tr := range sc.tracks {
					for _, b := range tr[0] {
						if (b.colour >= seenColours) != (s == UnseenColours) || (b.shape >= seenShapes) != (s == UnseenShapes) {
							t.Errorf("%v split %d: colour %d, shape %d", f, s, b.colour, b.shape)
						}
					}
				}
			}
		}
	}
	for _, f := range []Family{Continuity, Solidity, InertiaDirection, InertiaSpeed, Collision} {
		seen, unseen := 0., math.Inf(1)
		for i := range 30 {
			a, _ := quadScene(Config{Hidden: 8}, f, quadSeed, i)
			b, _ := quadScene(Config{Hidden: 8, Split: UnseenSpeeds}, f, quadSeed, i)
			seen, unseen = max(seen, first(a)), min(unseen, first(b))
		}
		if unseen <= seen {
			t.Errorf("%v: unseen speeds from %.2f, seen ones up to %.2f", f, unseen, seen)
		}
	}
}

// Bodies of unseen sizes are larger than any seen one of the family.
func TestUnseenSizes(t *testing.T) {
	radii := func(cfg Config, f Family, i int) (least, most float64) {
		least = math.Inf(1)
		sc, _ := quadScene(cfg, f, quadSeed, i)
		for _, tr := range sc.tracks {
			for _, b := range tr[0] {
				least, most = min(least, b.r), max(most, b.r)
			}
		}
		return least, most
	}
	for f := range families {
		for _, h := range []int{4, 16} {
			seen, unseen := 0., math.Inf(1)
			for i := range 20 {
				_, most := radii(Config{Hidden: h}, f, i)
				least, _ := radii(Config{Hidden: h, Split: UnseenSizes}, f, i)
				seen, unseen = max(seen, most), min(unseen, least)
			}
			if unseen <= seen {
				t.Errorf("%v, hidden run %d: unseen radii from %.2f, seen ones up to %.2f", f, h, unseen, seen)
			}
		}
	}
}

// first returns the speed at which the first thing that moves of a scene sets out.
func first(sc *scene) float64 {
	for _, tr := range sc.tracks {
		for _, bodies := range tr {
			for _, b := range bodies {
				if b.vx != 0 {
					return max(b.vx, -b.vx)
				}
			}
		}
	}
	return 0
}

// Things of all colours have the mean 100 and things of all shapes the same area, so intensity tells nothing.
func TestEqualIntensity(t *testing.T) {
	for _, c := range palette {
		if int(c[0])+int(c[1])+int(c[2]) != 300 {
			t.Errorf("colour %v has sum %d", c, int(c[0])+int(c[1])+int(c[2]))
		}
	}
	for s := disc; s < shapes; s++ {
		frame := make([]uint8, frameBytes)
		drawBody(frame, body{x: 32, y: 32, r: 8, shape: s}, view{})
		red := 0.
		for i := 0; i < len(frame); i += Channels {
			red += float64(frame[i]) / 220
		}
		if want := math.Pi * 64; math.Abs(red/want-1) > 0.03 {
			t.Errorf("shape %d covers %.1f pixels, want %.1f", s, red, want)
		}
		hx, hy := s.half(8)
		for y := range Size {
			for x := range Size {
				out := max(math.Abs(float64(x)+0.5-32)-hx, math.Abs(float64(y)+0.5-32)-hy)
				if frame[(y*Size+x)*Channels] > 0 && out > 0.5 {
					t.Errorf("shape %d draws pixel (%d, %d) out of its extent", s, x, y)
				}
			}
		}
	}
}
