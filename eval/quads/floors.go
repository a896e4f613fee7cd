package quads

import (
	"math"

	"foresee/env/physics"
	"foresee/eval"
)

// floors are the trivial scores that stand beside the model's.
type floors struct {
	ref *physics.Reference
}

// fitQuads is how many quadruplets the trivial scores learn from.
const fitQuads = 24

// newFloors fits the trivial scores to clips spread over the set, possible and impossible ones alike.
func newFloors(set quadSet) (*floors, error) {
	var clips [][]uint8
	var shape eval.Frames
	for k := range min(fitQuads, set.n) {
		q, err := set.load(k * set.n / min(fitQuads, set.n))
		if err != nil {
			return nil, err
		}
		shape = q.clips[0]
		for _, c := range q.clips {
			clips = append(clips, c.Pixels)
		}
	}
	return &floors{physics.Fit(shape.H, shape.W, shape.C, clips...)}, nil
}

// judge fills in what is known of a quadruplet without the model. It is safe for concurrent use.
func (f *floors) judge(q *quad, out *judged) {
	run, matched := q.run()
	out.matched = matched
	if !matched {
		run = q.clips[0].T // nothing is protected: all scores, to be seen as they are
	}
	ts := f.ref.Trivials(run)
	scores := make([]physics.Scores, len(ts))
	for c, clip := range q.clips {
		for k, row := range f.ref.Apply(ts, clip.Pixels) {
			scores[k][c] = row
		}
	}
	out.trivial = map[string]physics.Verdict{}
	for k, s := range scores {
		out.trivial[ts[k].Name] = physics.Judge(q.scenes(), s)
	}
	for _, clip := range q.benign {
		most := math.NaN()
		if clip.Pixels != nil {
			for k, row := range f.ref.Apply(ts, clip.Pixels) {
				if ts[k].Name == "frame-difference" {
					most = largest(row)
				}
			}
		}
		out.benignFloor = append(out.benignFloor, most)
	}
	if q.world != nil {
		oracle, still := physics.Judge(q.world, physics.Oracle(q.world)), physics.Judge(q.world, physics.Still(q.world))
		out.oracle, out.still = &oracle, &still
	}
}
