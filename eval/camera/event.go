package camera

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"foresee/eval"
)

// clean is the kind of a test part without an event.
const clean = "clean"

// eventKinds lists what is spliced into a recording.
func eventKinds() []string { return []string{"cut", "reversed", "frozen", "object", "fast"} }

// event is a part of a recording with something in it that did not happen.
type event struct {
	kind   string
	frames [][]uint8
	at     int // first frame of it
	until  int // alarms from at until here are due to it
}

// Frames of an event, and how many more an alarm may take.
const (
	eventFrames = 10
	slackFrames = 5
	fastFactor  = 3
)

// spliced makes events of every kind in every test part, twice, and every part
// once as it is. Where and what is drawn by seed.
func spliced(r *recording, seed uint64) []event {
	var out []event
	for i, part := range r.testing {
		out = append(out, event{kind: clean, frames: part})
		for _, kind := range eventKinds() {
			for k := range 2 {
				rng := rand.New(rand.NewPCG(eval.Seed("video/"+kind, seed), uint64(2*i+k)))
				out = append(out, splice(r, i, kind, rng))
			}
		}
	}
	return out
}

// splice puts an event of a kind into test part i.
func splice(r *recording, i int, kind string, rng *rand.Rand) event {
	part := r.testing[i]
	at := 8 + rng.IntN(7) // the picture is judged from frame 2 on
	frames := slices.Clone(part[:at])
	rest := part[at:]
	switch kind {
	case "cut": // the camera jumps to another time of the day
		other := r.testing[(i+1+rng.IntN(len(r.testing)-1))%len(r.testing)]
		frames = append(frames, other[at:]...)
	case "reversed": // for a second everything goes backwards, then forward again
		back := min(eventFrames, at-1)
		for k := range back {
			frames = append(frames, part[at-2-k])
		}
		frames = append(frames, part[at-back:]...)
	case "frozen": // the picture stands still, then goes on where it would be
		for range eventFrames {
			frames = append(frames, part[at-1])
		}
		frames = append(frames, rest[eventFrames:]...)
	case "object": // something as large as a person stands there at once
		frames = withObject(r, frames, rest, rng)
	case "fast": // everything goes at three times its speed
		for k := range eventFrames {
			frames = append(frames, rest[min(len(rest)-1, fastFactor*(k+1)-1)])
		}
	default:
		panic(fmt.Sprintf("camera: event kind %q", kind))
	}
	until := min(len(frames), at+eventFrames+slackFrames)
	if kind == "cut" {
		until = at + slackFrames
	}
	return event{kind: kind, frames: frames, at: at, until: until}
}

// withObject appends rest to before with one object in its first frames.
func withObject(r *recording, before, rest [][]uint8, rng *rand.Rand) [][]uint8 {
	// A person in the foreground is about a sixth of the height and a third as wide.
	ry, rx := float64(r.h)/12, float64(r.w)/36
	y, x := ry+rng.Float64()*(float64(r.h)-2*ry), rx+rng.Float64()*(float64(r.w)-2*rx)
	out := slices.Clone(before)
	for k, f := range rest {
		if k < eventFrames {
			f = slices.Clone(f)
			for row := range r.h {
				for col := range r.w {
					if math.Pow((float64(row)-y)/ry, 2)+math.Pow((float64(col)-x)/rx, 2) <= 1 {
						f[row*r.w+col] = 25 // a dark coat
					}
				}
			}
		}
		out = append(out, f)
	}
	return out
}
