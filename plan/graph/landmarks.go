package graph

import (
	"fmt"
	"math"
	"math/rand/v2"
)

const lloydSteps = 4

// Landmarks chooses n latents that cover remembered ones [m, d]: the farthest point of all chosen so
// far, n times, then 4 steps of Lloyd's algorithm, which move each to the mean of those nearest to it.
//
// The seed draws the first point. The result [n, d] is the caller's. It is an error if n is not in
// [1, m] or a latent is not finite. Memory and time are O(m) and O(n·m·d).
func Landmarks(remembered []float32, d, n int, seed uint64) ([]float32, error) {
	if d < 1 || len(remembered)%d != 0 {
		panic(fmt.Sprintf("graph: %d floats of latents of size %d", len(remembered), d))
	}
	m := len(remembered) / d
	if n < 1 || n > m {
		return nil, fmt.Errorf("graph: %d landmarks of %d remembered latents", n, m)
	}
	for i, v := range remembered {
		if v != v || math.IsInf(float64(v), 0) {
			return nil, fmt.Errorf("graph: remembered latent %d has the value %g", i/d, v)
		}
	}
	chosen := farthest(remembered, d, n, seed)
	owner := make([]int, m)
	for range lloydSteps {
		assign(remembered, chosen, d, owner)
		recentre(remembered, chosen, d, owner)
	}
	return chosen, nil
}

func farthest(x []float32, d, n int, seed uint64) []float32 {
	m := len(x) / d
	next := rand.New(rand.NewPCG(seed, 0)).IntN(m)
	chosen := make([]float32, 0, n*d)
	dist := make([]float32, m)
	for i := range dist {
		dist[i] = math.MaxFloat32
	}
	for range n {
		c := x[next*d:][:d]
		chosen = append(chosen, c...)
		next = 0
		for i := range dist {
			dist[i] = min(dist[i], squared(x[i*d:][:d], c))
			if dist[i] > dist[next] {
				next = i
			}
		}
	}
	return chosen
}

func assign(x, centres []float32, d int, owner []int) {
	n := len(centres) / d
	for i := range owner {
		p, best, bestDist := x[i*d:][:d], 0, float32(math.MaxFloat32)
		for c := range n {
			if s := squared(p, centres[c*d:][:d]); s < bestDist {
				best, bestDist = c, s
			}
		}
		owner[i] = best
	}
}

// recentre moves each centre to the mean of its points; one without points stays.
func recentre(x, centres []float32, d int, owner []int) {
	n := len(centres) / d
	sum, count := make([]float64, n*d), make([]int, n)
	for i, c := range owner {
		count[c]++
		for k := range d {
			sum[c*d+k] += float64(x[i*d+k])
		}
	}
	for c := range n {
		for k := range d {
			if count[c] > 0 {
				centres[c*d+k] = float32(sum[c*d+k] / float64(count[c]))
			}
		}
	}
}

func squared(a, b []float32) (sum float32) {
	b = b[:len(a)]
	for i, v := range a {
		d := v - b[i]
		sum += d * d
	}
	return sum
}
