package probe

import (
	"math"
	"math/rand/v2"
	"slices"
)

// resamples is the number of draws behind the interval of a Score.
const resamples = 1000

// Score says how well a probe reads one quantity on the rows held back.
type Score struct {
	RMSE   float64 // sqrt(mean of squared errors), in the target's unit
	Lo, Hi float64 // 95 % interval of RMSE: percentiles over resampled test groups
	Floor  float64 // RMSE of always saying the mean of the training rows
	R2     float64 // 1 - Σ(ŷ-y)² / Σ(y-ȳ)², ȳ of the test rows; NaN if the target does not vary there
	N      int     // test rows
	Groups int     // test groups
}

// Result is what a probe reached.
type Result struct {
	Targets []Score // [K], column by column
	Joint   Score   // all K columns as one: errors are averaged over rows and columns
	Detail  string  // what was chosen by validation, for a note
}

// residuals are squared sums of one target in one group of the test.
type residuals struct{ errors, floor, n, sum, square float64 }

// grade compares predictions [len(rows), K] with the targets of those rows.
// floor [K] is the mean of the training rows.
func grade(predicted []float64, targets Table, groups, rows []int, floor []float64) Result {
	k := targets.Width
	place := map[int]int{}
	var sums [][]residuals // [group][k]
	for i, r := range rows {
		g, known := place[groups[r]]
		if !known {
			g = len(sums)
			place[groups[r]] = g
			sums = append(sums, make([]residuals, k))
		}
		for j, v := range targets.Row(r) {
			y, e := float64(v), predicted[i*k+j]-float64(v)
			s := &sums[g][j]
			s.errors += e * e
			s.floor += (y - floor[j]) * (y - floor[j])
			s.n++
			s.sum += y - floor[j]
			s.square += (y - floor[j]) * (y - floor[j])
		}
	}
	var res Result
	for j := range k {
		res.Targets = append(res.Targets, score(sums, j, j+1))
	}
	res.Joint = score(sums, 0, k)
	return res
}

// score sums up targets lo to hi of all groups.
func score(sums [][]residuals, lo, hi int) Score {
	var sse, floor, n, total float64
	perGroup := make([][2]float64, len(sums)) // squared error and count
	for j := lo; j < hi; j++ {
		var sum, square, count float64
		for g := range sums {
			s := sums[g][j]
			sse, floor, n = sse+s.errors, floor+s.floor, n+s.n
			sum, square, count = sum+s.sum, square+s.square, count+s.n
			perGroup[g][0] += s.errors
			perGroup[g][1] += s.n
		}
		total += square - sum*sum/count
	}
	s := Score{RMSE: math.Sqrt(sse / n), Floor: math.Sqrt(floor / n), R2: math.NaN(), N: int(n) / (hi - lo), Groups: len(sums)}
	if total > 1e-12*floor {
		s.R2 = 1 - sse/total
	}
	s.Lo, s.Hi = interval(perGroup, s.RMSE)
	return s
}

// interval is the percentile bootstrap over groups, with a fixed seed: the same
// errors give the same interval.
func interval(groups [][2]float64, value float64) (lo, hi float64) {
	rng := rand.New(rand.NewPCG(uint64(len(groups)), 0x626f6f74))
	draws := make([]float64, resamples)
	for i := range draws {
		var sse, n float64
		for range groups {
			g := groups[rng.IntN(len(groups))]
			sse, n = sse+g[0], n+g[1]
		}
		draws[i] = math.Sqrt(sse / n)
	}
	slices.Sort(draws)
	return min(value, draws[resamples*25/1000]), max(value, draws[resamples*975/1000-1])
}
