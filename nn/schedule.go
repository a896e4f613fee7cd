package nn

import "math"

// Schedule is a learning rate that rises linearly and falls along half a cosine.
type Schedule struct {
	Peak   float64 // the highest rate
	Floor  float64 // the last rate
	Warmup int     // steps of the rise, 0 for none
	Total  int     // all steps, the rise included
}

// At returns the rate of step 0, 1, ..., Total-1; from Total on it is Floor:
//
//	step < Warmup:  Peak · step/Warmup
//	else:           Floor + (Peak-Floor)/2 · (1 + cos(π(step-Warmup)/(Total-Warmup)))
//
// Source: eb_jepa, the learning-rate schedule of examples/ac_video_jepa.
func (s Schedule) At(step int) float64 {
	switch {
	case step < s.Warmup:
		return s.Peak * float64(step) / float64(s.Warmup)
	case step >= s.Total:
		return s.Floor
	}
	done := float64(step-s.Warmup) / float64(s.Total-s.Warmup)
	return s.Floor + (s.Peak-s.Floor)/2*(1+math.Cos(math.Pi*done))
}
