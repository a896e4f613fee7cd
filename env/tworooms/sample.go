package tworooms

import (
	"math"
	"math/rand/v2"
)

// stream keeps the generators of different things apart, so that walk 3 and episode 3 of one seed share nothing.
type stream uint64

const (
	streamWalk stream = iota + 1
	streamEpisode
	streamTeleport
	streamAgent
)

// newRand returns the generator of item i of a stream. It depends on nothing else.
func newRand(seed uint64, s stream, i int) *rand.Rand {
	a := mix(seed ^ mix(uint64(s)))
	return rand.New(rand.NewPCG(a, mix(a^mix(uint64(i)+0x51ed2701))))
}

// mix is a bijection on 64 bits in which every input bit reaches every output bit.
//
// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014, the SplitMix64 step.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// uniform draws from [lo, hi).
func uniform(r *rand.Rand, lo, hi float64) float64 { return lo + (hi-lo)*r.Float64() }

// truncNormal draws from N(mean, std²) given that the value lies within mean ± half, by rejection.
func truncNormal(r *rand.Rand, mean, std, half float64) float64 {
	for {
		if z := std * r.NormFloat64(); math.Abs(z) <= half {
			return mean + z
		}
	}
}

// vonMises draws an angle in (-π, π] with density proportional to exp(kappa·cos θ), kappa > 0, by rejection from
// a wrapped Cauchy distribution.
//
// Source: Best, Fisher, "Efficient simulation of the von Mises distribution", Applied Statistics 28, 1979, p. 152.
func vonMises(r *rand.Rand, kappa float64) float64 {
	tau := 1 + math.Sqrt(1+4*kappa*kappa)
	rho := (tau - math.Sqrt(2*tau)) / (2 * kappa)
	s := (1 + rho*rho) / (2 * rho)
	for {
		z := math.Cos(math.Pi * r.Float64())
		f := (1 + s*z) / (s + z)
		c := kappa * (s - f)
		u := 1 - r.Float64() // (0, 1]
		if c*(2-c) <= u && math.Log(c/u)+1 < c {
			continue
		}
		angle := math.Acos(max(-1, min(1, f)))
		if r.Uint64()&1 == 0 {
			return -angle
		}
		return angle
	}
}

// stepWalk draws the headings and lengths of a data walk one action at a time:
//
//	a_t = r_t·(cos θ_t, sin θ_t),  θ_{t+1} = θ_t + vonMises(0, κ = 5),  r_t ~ N(1, 0.4²) within [0.2, 1.8]
type stepWalk struct {
	r       *rand.Rand
	heading float64
	started bool
}

func (w *stepWalk) next() Point {
	if w.started {
		w.heading += vonMises(w.r, 5)
	}
	w.started = true
	sin, cos := math.Sincos(w.heading)
	return Point{cos, sin}.Scale(truncNormal(w.r, 1, 0.4, 0.8))
}
