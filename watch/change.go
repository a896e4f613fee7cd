package watch

import "foresee/surprise"

// change knows how much a picture usually changes from one to the next. A model that
// expects the usual motion is surprised by a picture that stops, but less than by
// much that is normal; a difference of 0 is not normal of any camera. The change is
//
//	(1 + Σ (p_i - q_i)²)/n
//
// over the n numbers of two pictures, 1 standing for the least that a picture can change by, one number by one step.
type change struct {
	before []uint8
	usual  *Places // one cell, the whole picture
}

func newChange(cfg surprise.Config) (*change, error) {
	usual, err := NewPlaces(1, 1, cfg)
	return &change{usual: usual}, err
}

// see notes a picture, follows telling whether the last one came just before it.
func (c *change) see(picture []uint8, follows bool) (Seen, error) {
	defer func() { c.before = append(c.before[:0], picture...) }()
	if !follows || len(c.before) != len(picture) {
		c.usual.Break()
		return Seen{}, nil
	}
	return c.usual.Observe([]float64{meanChange(c.before, picture) + 1/float64(len(picture))})
}

// meanChange is the mean squared difference of two pictures of one size.
func meanChange(before, after []uint8) float64 {
	sum := 0.0
	for i, v := range after {
		d := float64(v) - float64(before[i])
		sum += d * d
	}
	return sum / float64(len(after))
}
