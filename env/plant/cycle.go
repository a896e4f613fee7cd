package plant

import "time"

// Readings of the reactor in its cycle.
const (
	cycleReadings = 140
	cycleStep     = 6 * time.Second
	cycleWarm     = 300 // readings before the first, after which it is in its cycle
)

// What the gateway logs while the sensors calibrate themselves.
const heldConcentration, heldTemperature = 0, 350

// cycleQuad's recordings are two stretches of one run, apart by a part of a period.
func cycleQuad(r random) *Quad {
	plan, noise := r.of("plan"), r.of("noise")
	q := &Quad{Channels: []string{"concentration", "temperature", "coolant", "hold"}, Inputs: []string{"coolant", "hold"}, Step: cycleStep}
	coolant := 304.6 + plan.Float64()
	run := cycleRun(coolant, cycleWarm+3*cycleReadings)
	from := cycleWarm + plan.IntN(40)
	apart := int(float64(period(run[cycleWarm:])) * (0.3 + 0.4*plan.Float64()))
	begin, hold := 70+plan.IntN(16), 18+plan.IntN(7)
	q.Splice = begin + hold - 1
	offsets := [2]int{from, from + apart}
	if plan.IntN(2) == 0 {
		offsets = [2]int{from + apart, from}
	}
	var members [2][]float64
	sensor := make([]float64, 2*cycleReadings)
	for i := range sensor {
		sensor[i] = noise.NormFloat64()
	}
	for m, offset := range offsets {
		for t := range cycleReadings {
			s := run[offset+t]
			if t >= begin && t < begin+hold {
				held := []float64{heldConcentration, heldTemperature, coolant, 1}
				q.Expected[m], members[m] = append(q.Expected[m], held...), append(members[m], held...)
				continue
			}
			q.Expected[m] = append(q.Expected[m], s[0], s[1], coolant, 0)
			members[m] = append(members[m], rounded(s[0]+0.002*sensor[2*t], 1e-4), rounded(s[1]+0.3*sensor[2*t+1], 0.01), coolant, 0)
		}
	}
	q.P1, q.P2 = members[0], members[1]
	return q
}

// cycleRun returns concentration and temperature of the reactor, left alone at a
// coolant's temperature, at every reading.
func cycleRun(coolant float64, readings int) [][2]float64 {
	out, s := make([][2]float64, readings), [2]float64{0.1, 385}
	steady := reaction{feed: 1, warm: 350, k0: rateFactor, ua: jacketArea}
	for i := range out {
		for range 6 { // of 1 s
			rk4(s[:], 1.0/60, func(s, rate []float64) {
				rate[0], rate[1] = steady.rates(s[0], s[1], coolant)
			})
		}
		out[i] = s
	}
	return out
}

// period is the number of readings between the first and the second time that the
// temperature rises through the middle of its range; 0 if it does not.
func period(run [][2]float64) int {
	low, high := run[0][1], run[0][1]
	for _, s := range run {
		low, high = min(low, s[1]), max(high, s[1])
	}
	first := -1
	for i := 1; i < len(run); i++ {
		if middle := (low + high) / 2; run[i-1][1] < middle && run[i][1] >= middle {
			if first >= 0 {
				return i - first
			}
			first = i
		}
	}
	return 0
}
