package views

import "math/rand/v2"

// HideSpan sets a random stretch of hidden [T] to 1: from the third step on, up to
// half of them long. A predictor so learns to remember, and to go on from what it
// is not shown, from every clip, not only from those in which something hides
// something.
func HideSpan(r *rand.Rand, hidden []float32) {
	t := len(hidden)
	if t < 4 {
		return
	}
	from, length := 2+r.IntN(t-3), 1+r.IntN(t/2)
	for i := from; i < min(t, from+length); i++ {
		hidden[i] = 1
	}
}
