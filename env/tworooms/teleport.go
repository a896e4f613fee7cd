package tworooms

import "math/rand/v2"

// minJump is how far, in pixels, a teleport leads away from where the dot was and from where it would have gone.
const minJump = 10

// Clip is a walk in which the dot may have been moved by no action.
type Clip struct {
	Walk
	// Jump is the index of the first frame in which the dot is where it cannot be, or -1 in a clip without one.
	Jump int
	// At is Jump, or in a clip without a jump the frame at which its twin has one: both can be scored at one time.
	At int
}

// Teleports returns clip i of the endless sequence that cfg and seed name. Clips come in matched pairs: 2j is a walk
// as training has them, 2j+1 the same walk until frame At, where the dot is suddenly at another legal place, at least
// 10 px from where it was and from where its action would have led; from there it follows the same actions. At is
// uniform in the clip's middle half, [⌈n/4⌉, ⌊3n/4⌋], at least 1. It is a pure function of its arguments and shares
// no walk with Walks of the same seed. An invalid cfg panics.
func Teleports(cfg WalkConfig, seed uint64, i int) Clip {
	r := newRand(seed, streamTeleport, i/2)
	w := Walks(cfg, mix(seed)^uint64(streamTeleport), i/2)
	n := len(w.Points)
	lo, hi := max(1, (n+3)/4), min(n-1, 3*n/4)
	at := lo + r.IntN(max(1, hi-lo+1))
	if i%2 == 0 {
		return Clip{Walk: w, Jump: -1, At: at}
	}
	to := jumpTarget(r, w.Layout, w.Points[at-1], w.Points[at])
	rest := follow(w.Layout, to, w.Actions[at:])
	copy(w.Points[at:], rest.Points)
	return Clip{Walk: w, Jump: at, At: at}
}

// jumpTarget draws a legal place at least minJump from both points.
func jumpTarget(r *rand.Rand, l Layout, a, b Point) Point {
	for {
		p := Point{uniform(r, borderLow, borderHigh), uniform(r, borderLow, borderHigh)}
		if l.Legal(p) && distance(p, a) >= minJump && distance(p, b) >= minJump {
			return p
		}
	}
}
