package evidence

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"foresee/surprise"
)

// How much of the normal past is kept.
const (
	keptCells   = 8192 // relative surprises of cells
	cellsAFrame = 24   // of them taken from one frame
	keptMoments = 300  // frames with their latents
	tailFrom    = 0.98 // quantile of the cells above which the tail is fitted
	leastCells  = 500  // below that p-values are not worth a picture
)

// moment is one frame of the past.
type moment struct {
	number int
	time   time.Duration
	pixels []uint8
	latent []float32
}

// normal is a fair sample of the past outside alarms: of all that was offered,
// each has the same chance to be kept.
type normal struct {
	rng     *rand.Rand
	cells   []float64
	offered int
	moments []moment
	seen    int
}

func newNormal(seed uint64) *normal {
	return &normal{rng: rand.New(rand.NewPCG(seed, 0x6e6f726d616c))}
}

// slot returns where the n-th thing offered, from 1, belongs in a sample of at
// most keep, or false. Source: Vitter, "Random sampling with a reservoir", 1985,
// algorithm R.
func (n *normal) slot(offered, have, keep int) (int, bool) {
	if have < keep {
		return have, true
	}
	at := n.rng.IntN(offered)
	return at, at < keep
}

// addCells samples the relative surprise of a normal frame's cells.
func (n *normal) addCells(cells []float64) {
	for range min(cellsAFrame, len(cells)) {
		v := cells[n.rng.IntN(len(cells))]
		n.offered++
		switch at, ok := n.slot(n.offered, len(n.cells), keptCells); {
		case ok && at == len(n.cells):
			n.cells = append(n.cells, v)
		case ok:
			n.cells[at] = v
		}
	}
}

// addMoment offers a normal frame, which is copied if it is kept.
func (n *normal) addMoment(number int, at time.Duration, pixels []uint8, latent []float32) {
	n.seen++
	i, ok := n.slot(n.seen, len(n.moments), keptMoments)
	if !ok {
		return
	}
	if i == len(n.moments) {
		n.moments = append(n.moments, moment{})
	}
	m := &n.moments[i]
	m.number, m.time = number, at
	m.pixels, m.latent = append(m.pixels[:0], pixels...), append(m.latent[:0], latent...)
}

// pValues returns the p-value of every cell among normal ones, and whether there
// were enough to say.
func (n *normal) pValues(cells []float64) ([]float64, bool) {
	if len(n.cells) < leastCells {
		return nil, false
	}
	c, err := surprise.Calibrate(n.cells, surprise.CalibrationConfig{Block: 1, Quantile: tailFrom})
	if err != nil { // not finite, which the watcher has refused
		return nil, false
	}
	out := make([]float64, len(cells))
	for i, v := range cells {
		out[i], _ = c.P(v)
	}
	return out, true
}

// nearest returns the kept moment before frame number whose latent is nearest to
// one in the mean square, and that distance; false without any.
func (n *normal) nearest(latent []float32, before int) (moment, float64, bool) {
	best, at := math.Inf(1), -1
	for i, m := range n.moments {
		if m.number >= before || len(m.latent) != len(latent) {
			continue
		}
		sum := 0.0
		for k, v := range m.latent {
			e := float64(v - latent[k])
			sum += e * e
		}
		if d := sum / float64(len(latent)); d < best {
			best, at = d, i
		}
	}
	if at < 0 {
		return moment{}, 0, false
	}
	m := n.moments[at]
	m.pixels, m.latent = slices.Clone(m.pixels), nil
	return m, best, true
}
