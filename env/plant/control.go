package plant

import "slices"

// Controls: faults of a sensor that need no model of a plant to be seen. They show that a
// score works at all and are never counted among the families.
const (
	ControlSpike  = "spike"  // one reading is 3 to 6 cm higher
	ControlShift  = "shift"  // from a reading on all are 2 to 4 cm higher
	ControlFreeze = "freeze" // from a reading on all are the same
)

// Controls returns the controls there are.
func Controls() []string { return []string{ControlSpike, ControlShift, ControlFreeze} }

// controlQuad spoils the first channel of a recording of swap.
func controlQuad(r random, control string) *Quad {
	q, plan := swapQuad(r), r.of("control")
	q.Match, q.P2, q.Splice = MatchNone, nil, 60+plan.IntN(20)
	q.Expected[1] = nil
	size := 1 + plan.Float64()
	q.I1 = slices.Clone(q.P1)
	c := len(q.Channels)
	for t := q.Splice; t < crossedReadings; t++ {
		switch at := t * c; {
		case control == ControlFreeze:
			q.I1[at] = q.P1[q.Splice*c]
		case control == ControlShift:
			q.I1[at] += 2 * size
		case t == q.Splice:
			q.I1[at] += 3 * size
		}
	}
	return q
}
