package plant

import (
	"math"
	"math/rand/v2"
)

// tanks are four coupled tanks under two pumps, levels in cm, voltages in V.
//
//	h1' = -a1/A1·√(2g·h1) + a3/A1·√(2g·h3) + γ1·k1/A1·v1
//	h2' = -a2/A2·√(2g·h2) + a4/A2·√(2g·h4) + γ2·k2/A2·v2
//	h3' = -a3/A3·√(2g·h3) + (1-γ2)·k2/A3·v2,   h4' = -a4/A4·√(2g·h4) + (1-γ1)·k1/A4·v1
//
// Source: K. H. Johansson, "The quadruple-tank process", IEEE Transactions on
// Control Systems Technology 8 (2000), equation 1 and table I, operating point P-.
type tanks struct {
	h      [4]float64
	v1, v2 steps
	in     [2]wander // what the pumps give more or less than asked, as a share
	noise  *rand.Rand
}

func newTanks(r random) machine {
	return &tanks{
		h:  [4]float64{12.4, 12.7, 1.8, 1.4},
		v1: steps{r: r.of("v1"), lo: 2.5, hi: 3.5, mean: 120}, v2: steps{r: r.of("v2"), lo: 2.5, hi: 3.5, mean: 120},
		in:    [2]wander{{r: r.of("in1"), keep: 0.9, std: 0.01}, {r: r.of("in2"), keep: 0.9, std: 0.01}},
		noise: r.of("noise"),
	}
}

func (t *tanks) read(row []float64, fault string, since int) {
	const g2 = 2 * 981
	areaTank, areaHole := [4]float64{28, 32, 28, 32}, [4]float64{0.071, 0.057, 0.071, 0.057}
	k1, k2, gamma1, gamma2, leak := 3.33, 3.35, 0.70, 0.60, 0.0
	v1, v2 := t.v1.next(), t.v2.next()
	switch fault {
	case "leak":
		leak = 0.1 * areaHole[0] // a hole of a tenth of the outlet in tank 1
	case "pump":
		k1 *= 0.9
	case "valve":
		gamma1 = 0.65
	}
	q1, q2 := k1*v1*(1+t.in[0].next()), k2*v2*(1+t.in[1].next())
	for range 5 {
		rk4(t.h[:], 2, func(h, rate []float64) {
			var out [4]float64
			for i := range out {
				out[i] = math.Sqrt(g2 * max(0, h[i]))
			}
			rate[0] = (-(areaHole[0]+leak)*out[0] + areaHole[2]*out[2] + gamma1*q1) / areaTank[0]
			rate[1] = (-areaHole[1]*out[1] + areaHole[3]*out[3] + gamma2*q2) / areaTank[1]
			rate[2] = (-areaHole[2]*out[2] + (1-gamma2)*q2) / areaTank[2]
			rate[3] = (-areaHole[3]*out[3] + (1-gamma1)*q1) / areaTank[3]
		})
	}
	row[0], row[1] = t.h[0]+0.05*t.noise.NormFloat64(), t.h[1]+0.05*t.noise.NormFloat64()
	row[2], row[3] = v1, v2
	switch fault {
	case "bias":
		row[0] += 0.5
	case "drift":
		row[0] += 2 * float64(since) / 8640 // 2 cm a day
	}
}
