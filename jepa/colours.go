package jepa

import (
	"context"
	"fmt"
	"math"
	"slices"

	"foresee/data"
)

// mostColours is how many times larger the errors on clips in other colours may be for those to be of the same world.
// Where colours vary from clip to clip it is near 1; where there are few, frames in others are
// like nothing the model has seen, and what it makes of them is many times as wrong.
const mostColours = 1.5

// SettleColours keeps Config.Predictor.Colours only if the world of n clips [n, T, H, W, C], which the model should have
// learnt from, looks to it alike in other colours:
//
//	ratio = mean error with the channels moved on by 1, ..., C-1 / mean error as they are,   kept if ratio <= mostColours
//
// Errors are the memory's alone, without Excess, Usual, Along and Mirror. A model without Colours is left as it is, ratio
// 0. Compiled graphs are dropped, so it may not run beside any other method. It panics as Surprise does; errors that are
// not finite and the engine's failures are errors, and leave the config as it was.
func (m *Model) SettleColours(ctx context.Context, n, t int, frames []uint8) (ratio float64, err error) {
	asked := m.net.Config.Predictor
	if !asked.Colours {
		return 0, nil
	}
	p := &m.net.Config.Predictor
	p.Excess, p.Usual, p.Along, p.Mirror, p.Colours = 0, 0, 0, false, false
	m.SetNormalizer(m.norm)
	defer func() {
		*p = asked
		p.Colours = err != nil || ratio <= mostColours
		m.SetNormalizer(m.norm)
	}()
	var sums [2]float64
	channels, scores := m.net.Config.Frame.Channels, make([]float64, n*t)
	for first := range channels {
		moved := data.Stretch{N: n * t, Pixels: slices.Clone(frames)}
		moved.MoveChannels(channels, first)
		if err := m.Surprise(ctx, n, t, moved.Pixels, scores); err != nil {
			return 0, err
		}
		for _, s := range scores {
			sums[min(first, 1)] += s
		}
	}
	if ratio = sums[1] / sums[0] / float64(channels-1); math.IsNaN(ratio) || math.IsInf(ratio, 0) {
		return 0, fmt.Errorf("jepa: errors of %d clips add up to %g, in other colours to %g: want finite numbers above 0", n, sums[0], sums[1])
	}
	return ratio, nil
}
