package quads

import (
	"bytes"
	"fmt"

	"foresee/env/physics"
	"foresee/eval"
)

// clipNames are the clips of a quadruplet in the order of physics.Scores.
var clipNames = [4]string{"P1", "P2", "I1", "I2"}

// quad is a quadruplet to score. Only the clips reach a model or a prefix score.
type quad struct {
	name   string // for errors
	family int    // index into quadSet.families
	splice int    // first frame after the cut
	again  int    // first frame after a second cut, or 0
	hidden int    // what it is grouped by; 0 = nothing said
	clips  [4]eval.Frames

	world  *physics.Quadruplet // nil unless built in: for oracle and memory
	benign []eval.Frames       // tier T2: light and door; no pixels where there is no room for a door
}

// scenes lists the same quadruplet's clips for Judge.
func (q *quad) scenes() *physics.Quadruplet {
	return &physics.Quadruplet{Splice: q.splice, Again: q.again}
}

// frame returns frame t of clip c.
func (q *quad) frame(c, t int) []uint8 {
	f := q.clips[c]
	size := f.H * f.W * f.C
	return f.Pixels[t*size : (t+1)*size]
}

// run returns the length of the run of equal frames that ends where I1 leaves P1, read off the bytes alone; ok is
// whether the frames of {P1, P2} and {I1, I2} are the same at every moment, so that the run protects short windows.
func (q *quad) run() (n int, ok bool) {
	const p1, p2, i1, i2 = 0, 1, 2, 3
	cut := -1
	for t := range q.clips[p1].T {
		a, b, c, d := q.frame(p1, t), q.frame(p2, t), q.frame(i1, t), q.frame(i2, t)
		kept := bytes.Equal(a, c) && bytes.Equal(b, d)
		if !kept && !(bytes.Equal(a, d) && bytes.Equal(b, c)) {
			return 0, false
		}
		if !kept && cut < 0 {
			cut = t
		}
	}
	for cut-n > 0 && bytes.Equal(q.frame(p1, cut-n-1), q.frame(p2, cut-n-1)) {
		n++
	}
	return n, n > 0
}

// familySet is a family of a quadSet.
type familySet struct {
	name   string
	tier   int  // 0 is pooled
	memory bool // of the built-in ones
	quads  int
}

// quadSet is where quadruplets come from: load(i) for i in [0, n), those of a family in a row. load is safe for
// concurrent use.
type quadSet struct {
	families []familySet
	n        int
	load     func(i int) (quad, error)
	builtin  bool
	note     string // what they are, for rows
}

// builtinQuads returns n quadruplets of each family of env/physics.
func builtinQuads(world physics.Config, families []physics.Family, n int, seed uint64) quadSet {
	set := quadSet{n: n * len(families), builtin: true, note: worldNote(world)}
	for _, f := range families {
		set.families = append(set.families, familySet{f.String(), f.Tier(), f.Memory(), n})
	}
	set.load = func(i int) (quad, error) {
		f := families[i/n]
		w := physics.Quad(world, f, seed, i%n)
		q := quad{
			name: fmt.Sprintf("%v %d", f, i%n), family: i / n, splice: w.Splice, again: w.Again, hidden: w.Hidden, world: &w,
		}
		for c, clip := range w.Clips() {
			q.clips[c] = physicsFrames(clip)
		}
		if f.Tier() == 2 {
			for _, clip := range physics.Benign(world, f, seed, i%n) {
				q.benign = append(q.benign, physicsFrames(clip))
			}
		}
		return q, nil
	}
	return set
}

func physicsFrames(c physics.Clip) eval.Frames {
	return eval.Frames{T: physics.Frames, H: physics.Size, W: physics.Size, C: physics.Channels, Pixels: c.Pixels}
}

// worldNote says what is special about the clips.
func worldNote(c physics.Config) string {
	note := WorldName(c)
	if c.Split != physics.Seen {
		note += ", " + c.Split.String()
	}
	if c.Hidden != 0 {
		note += fmt.Sprintf(", hidden run %d", c.Hidden)
	}
	return note
}
