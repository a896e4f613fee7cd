package physics

import (
	"fmt"
	"math"
	"slices"
)

// Scores holds the surprise of the four clips of a quadruplet, in the order P1, P2, I1, I2. Each has one value a
// frame: entry t judges frame t from frames up to t, and is 0 where there is not yet enough to judge from.
type Scores [4][]float64

// Verdict says how many of a quadruplet's pairs a score gets right, as a share: 1 is both of two, a tie counts 0.5.
type Verdict struct {
	Prefix    float64 // (P1, I1) and (P2, I2), by the mean over the whole clip
	Suffix    float64 // (P1, I2) and (P2, I1), by the mean over [Splice, Again), or to the end
	PrefixMax float64 // as Prefix by the greatest value: not protected by the match, so never without a ceiling beside it
	Mean, Max [4]float64
}

// Judge compares the scores of a quadruplet. Impossible clips should score higher. Means are compared exactly: values
// are rounded to 50 bits below the greatest of the quadruplet and added as integers, so that a score that is a
// function of windows of at most Hidden+1 frames gets exactly half of the pairs. Of q it reads Splice and Again, so
// clips of other origin and length can be judged too. Values that are not finite and clips of unequal length panic.
func Judge(q *Quadruplet, s Scores) Verdict {
	var v Verdict
	end := len(s[0])
	if q.Again > 0 {
		end = q.Again
	}
	whole, rest := sums(s, 0, len(s[0])), sums(s, q.Splice, end)
	for c := range s {
		v.Max[c] = slices.Max(s[c])
		for _, x := range s[c] {
			v.Mean[c] += x / float64(len(s[c]))
		}
	}
	const p1, p2, i1, i2 = 0, 1, 2, 3
	v.Prefix = (below(whole[p1], whole[i1]) + below(whole[p2], whole[i2])) / 2
	v.Suffix = (below(rest[p1], rest[i2]) + below(rest[p2], rest[i1])) / 2
	v.PrefixMax = (below(v.Max[p1], v.Max[i1]) + below(v.Max[p2], v.Max[i2])) / 2
	return v
}

// sums adds each clip's values of frames [lo, hi), exactly, in units of the quadruplet's greatest value over 2^50.
func sums(s Scores, lo, hi int) [4]int64 {
	most := 0.
	for c := range s {
		if len(s[c]) != len(s[0]) || len(s[c]) < hi {
			panic(fmt.Sprintf("physics: clips with %d and %d scores, cut at %d", len(s[0]), len(s[c]), hi))
		}
		for t, x := range s[c] {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				panic(fmt.Sprintf("physics: score %g at frame %d", x, t))
			}
			most = max(most, math.Abs(x))
		}
	}
	_, e := math.Frexp(most)
	var sum [4]int64
	for c := range s {
		for _, x := range s[c][lo:hi] {
			sum[c] += int64(math.RoundToEven(math.Ldexp(x, 50-e)))
		}
	}
	return sum
}

func below[T int64 | float64](p, i T) float64 {
	switch {
	case p < i:
		return 1
	case p == i:
		return 0.5
	}
	return 0
}

// Single returns the AUROC of single clips: the probability that an impossible clip scores above a possible one, ties
// counting one half. It is NaN without clips of both kinds. A value that is NaN panics.
//
//	AUROC = Σ_ij ([i > p] + [i = p]/2) / (m·n)
func Single(possible, impossible []float64) float64 {
	p, sum := slices.Clone(possible), 0
	for _, x := range slices.Concat(possible, impossible) {
		if math.IsNaN(x) {
			panic("physics: AUROC of a score that is NaN")
		}
	}
	slices.Sort(p)
	for _, x := range impossible {
		lo, _ := slices.BinarySearch(p, x)
		hi, _ := slices.BinarySearch(p, math.Nextafter(x, math.Inf(1)))
		sum += lo + hi
	}
	return float64(sum) / (2 * float64(len(p)) * float64(len(impossible)))
}
