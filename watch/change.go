package watch

import (
	"math"

	"foresee/surprise"
)

// rushFrames is over how many pictures in a row there must be more change than usual for the rush to say so: a
// second at 10 a second.
const rushFrames = 10

// change knows how much a picture usually changes from one to the next. A model that
// expects the usual motion is surprised by a picture that stops, but less than by
// much that is normal; a difference of 0 is not normal of any camera. The change is
//
//	max(½, Σ (p_i - q_i)²)/n
//
// over the n numbers of two pictures: two that are the same count for half of the least that a picture can change by,
// one number by one step.
type change struct {
	before []uint8
	usual  *Places   // one cell, the whole picture
	rush   []float64 // the last rushFrames of log(change/usual)
}

// changed is what Places say of the change, and the mean over the last ten of log(change/usual), high where everything
// goes faster than it should; 0 until there are so many in a row.
type changed struct {
	Seen
	rush float64
}

func newChange(cfg surprise.Config) (*change, error) {
	usual, err := NewPlaces(1, 1, cfg)
	return &change{usual: usual}, err
}

// see notes a picture, follows telling whether the last one came just before it.
func (c *change) see(picture []uint8, follows bool) (changed, error) {
	defer func() { c.before = append(c.before[:0], picture...) }()
	if !follows || len(c.before) != len(picture) {
		c.usual.Break()
		c.rush = c.rush[:0]
		return changed{}, nil
	}
	seen, err := c.usual.Observe([]float64{max(0.5/float64(len(picture)), meanChange(c.before, picture))})
	if err != nil || !seen.Ready {
		return changed{Seen: seen}, err
	}
	c.rush = append(c.rush, math.Log(seen.Whole))
	if len(c.rush) < rushFrames {
		return changed{Seen: seen}, nil
	}
	c.rush = append(c.rush[:0], c.rush[len(c.rush)-rushFrames:]...)
	sum := 0.0
	for _, v := range c.rush {
		sum += v
	}
	return changed{seen, sum / rushFrames}, nil
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
