package plant

import (
	"errors"
	"math"
	"slices"
	"time"
)

// cross makes the impossible recordings: measured channels under inputs that were not
// theirs.
func (q *Quad) cross() error {
	q.Match = MatchChannels
	c := len(q.Channels)
	measured := c - len(q.Inputs)
	given, read := false, false
	q.I1, q.I2 = slices.Clone(q.P1), slices.Clone(q.P2)
	for i := range q.P1 {
		if q.P1[i] == q.P2[i] {
			continue
		}
		if i%c >= measured {
			given = true
			continue
		}
		read = true
		q.I1[i], q.I2[i] = q.P2[i], q.P1[i]
	}
	if !given || !read {
		return errors.New("its recordings are given the same, or measure the same")
	}
	return nil
}

// columns puts channels of one length side by side.
func columns(of ...[]float64) []float64 {
	out := make([]float64, 0, len(of)*len(of[0]))
	for t := range of[0] {
		for _, channel := range of {
			out = append(out, channel[t])
		}
	}
	return out
}

const crossedReadings = 140

// noisy is what a sensor shows of a channel.
func noisy(exact []float64, std, unit float64, r random, purpose string) []float64 {
	noise, out := r.of(purpose), make([]float64, len(exact))
	for i, v := range exact {
		out[i] = rounded(v+std*noise.NormFloat64(), unit)
	}
	return out
}

// values draws a recording of held values.
func (s *steps) values(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = s.next()
	}
	return out
}

// swapQuad's unit is tank 1 of the four with nothing above it, under pump 1.
func swapQuad(r random) *Quad {
	q := &Quad{Channels: []string{"h1", "h2", "v1", "v2"}, Inputs: []string{"v1", "v2"}, Step: 10 * time.Second}
	demand := (&steps{r: r.of("demand"), lo: 2.2, hi: 3.8, mean: 15}).values(crossedReadings)
	unit := func(name string) (given, exact, read []float64) {
		trim := steps{r: r.of("trim" + name), lo: -0.3, hi: 0.3, mean: 10}
		in := wander{r: r.of("in" + name), keep: 0.9, std: 0.01}
		h := []float64{math.Pow(3.33*demand[0]/0.071, 2) / (2 * 981)} // at rest
		for _, d := range demand {
			v := d + trim.next()
			flow := 3.33 * v * (1 + in.next())
			for range 5 {
				rk4(h, 2, func(h, rate []float64) { rate[0] = (flow - 0.071*math.Sqrt(2*981*max(0, h[0]))) / 28 })
			}
			given, exact = append(given, v), append(exact, h[0])
		}
		return given, exact, noisy(exact, 0.05, 0.01, r, "noise"+name)
	}
	va, ha, ra := unit("a")
	vb, hb, rb := unit("b")
	q.P1, q.Expected[0] = columns(ra, rb, va, vb), columns(ha, hb, va, vb)
	q.P2, q.Expected[1] = columns(rb, ra, vb, va), columns(hb, ha, vb, va)
	return q
}

// delayQuad's recordings are two stretches of one run, apart by the delay.
func delayQuad(r random) *Quad {
	plan := r.of("plan")
	q := &Quad{Channels: []string{"angle", "torque"}, Inputs: []string{"torque"}, Step: time.Second}
	late := 1 + plan.IntN(3)
	torque := (&steps{r: r.of("torque"), lo: -0.03, hi: 0.03, mean: 4}).values(crossedReadings + late)
	state := []float64{0.2 * (2*plan.Float64() - 1), 0}
	var angle []float64
	for _, u := range torque {
		for range 10 {
			rk4(state, 0.1, func(s, rate []float64) { rate[0], rate[1] = s[1], -9.81/67*math.Sin(s[0])-0.02*s[1]+u })
		}
		angle = append(angle, state[0])
	}
	read := noisy(angle, 0.003, 1e-4, r, "noise")
	part := func(of []float64, from int) []float64 { return of[from : from+crossedReadings] }
	first, second := 0, late
	if plan.IntN(2) == 0 {
		first, second = late, 0
	}
	q.P1, q.Expected[0] = columns(part(read, first), part(torque, first)), columns(part(angle, first), part(torque, first))
	q.P2, q.Expected[1] = columns(part(read, second), part(torque, second)), columns(part(angle, second), part(torque, second))
	return q
}

// gainQuad's recordings differ in how far pump 2 is told to go from its mean.
func gainQuad(r random) *Quad {
	plan := r.of("plan")
	q := &Quad{Channels: []string{"h1", "h2", "v1", "v2"}, Inputs: []string{"v1", "v2"}, Step: 10 * time.Second}
	v1 := (&steps{r: r.of("v1"), lo: 2.5, hi: 3.5, mean: 15}).values(crossedReadings)
	v2 := (&steps{r: r.of("v2"), lo: 2.5, hi: 3.5, mean: 15}).values(crossedReadings)
	run := func(gain float64) (read, exact []float64) {
		h, told := [4]float64{12.4, 12.7, 1.8, 1.4}, make([]float64, crossedReadings)
		var h1, h2 []float64
		for t, v := range v2 {
			told[t] = 3 + gain*(v-3)
			flow(&h, v1[t], told[t], 1)
			h1, h2 = append(h1, h[0]), append(h2, h[1])
		}
		return columns(noisy(h1, 0.05, 0.01, r, "noise1"), noisy(h2, 0.05, 0.01, r, "noise2"), v1, told), columns(h1, h2, v1, told)
	}
	first, second := 1.0, 1.15+0.2*plan.Float64()
	if plan.IntN(2) == 0 {
		first, second = second, first
	}
	q.P1, q.Expected[0] = run(first)
	q.P2, q.Expected[1] = run(second)
	return q
}
