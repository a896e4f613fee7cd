package eval

import (
	"fmt"
	"math"
	"slices"
)

// VUSPR returns the volume under the surface of precision and recall: the area
// under the range-based precision-recall curve, averaged over buffers ℓ = 0, step,
// 2·step, ..., most. Labels are softened by ℓ on both sides of every event, so that
// a score that comes a little early or late is not wholly wrong.
//
//	soft_ℓ(i) = 1 in an event, √(1 - d/ℓ) at distance d <= ℓ/2 of one, else 0 (the largest, where two reach)
//	P_ℓ = (Σ label + Σ soft_ℓ)/2,   TP = Σ_(score_i >= θ) soft_ℓ(i)
//	recall(θ) = min(1, TP/P_ℓ)·(events that θ touches within ℓ/2)/events
//	precision(θ) = TP/#{score_i >= θ}
//	area = Σ_θ (recall(θ_k) - recall(θ_(k-1)))·precision(θ_k),  θ falling through all scores
//
// Events are runs of true labels. Equal scores share a threshold. NaN without an
// event. It panics unless labels and scores have the same length, every score is
// a number, most >= 0 and step > 0.
//
// Source: Paparrizos et al., "Volume under the surface: a new accuracy evaluation
// measure for time-series anomaly detection", PVLDB 15 (2022), section 4. As in its
// authors' program the area is that of average precision; unlike there, all
// thresholds are taken instead of 250, slopes are equal on both sides, and events
// count apart where their buffers meet.
func VUSPR(scores []float64, labels []bool, most, step int) float64 {
	if len(scores) != len(labels) || most < 0 || step < 1 {
		panic(fmt.Sprintf("eval: VUSPR: %d scores, %d labels, buffers to %d by %d", len(scores), len(labels), most, step))
	}
	order := make([]int, len(scores))
	for i, s := range scores {
		if math.IsNaN(s) {
			panic(fmt.Sprintf("eval: VUSPR: score %d is NaN", i))
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b]:
			return -1
		case scores[a] < scores[b]:
			return 1
		}
		return 0
	})
	events := runs(labels)
	if len(events) == 0 {
		return math.NaN()
	}
	sum, n := 0.0, 0
	for l := 0; l <= most; l += step {
		sum, n = sum+rangeAP(scores, order, events, l), n+1
	}
	return sum / float64(n)
}

// runs returns the first and last index of every run of true.
func runs(labels []bool) [][2]int {
	var out [][2]int
	for i, l := range labels {
		switch {
		case !l:
		case i > 0 && labels[i-1]:
			out[len(out)-1][1] = i
		default:
			out = append(out, [2]int{i, i})
		}
	}
	return out
}

// rangeAP is the area for one buffer; order sorts the scores, the highest first.
func rangeAP(scores []float64, order []int, events [][2]int, l int) float64 {
	soft := make([]float64, len(scores))
	near := make([][]int, len(scores)) // events within l/2
	positives := 0.0
	for e, ev := range events {
		positives += float64(ev[1]-ev[0]+1) / 2
		for i := max(0, ev[0]-l/2); i <= min(len(soft)-1, ev[1]+l/2); i++ {
			d := max(0, ev[0]-i, i-ev[1])
			weight := 1.0
			if d > 0 {
				weight = math.Sqrt(1 - float64(d)/float64(l))
			}
			soft[i] = max(soft[i], weight)
			near[i] = append(near[i], e)
		}
	}
	for _, v := range soft {
		positives += v / 2
	}
	touched, found := make([]bool, len(events)), 0
	tp, area, last := 0.0, 0.0, 0.0
	for k, i := range order {
		tp += soft[i]
		for _, e := range near[i] {
			if !touched[e] {
				touched[e] = true
				found++
			}
		}
		if k+1 < len(order) && scores[order[k+1]] == scores[i] {
			continue
		}
		recall := min(1, tp/positives) * float64(found) / float64(len(events))
		area += (recall - last) * tp / float64(k+1)
		last = recall
	}
	return area
}
