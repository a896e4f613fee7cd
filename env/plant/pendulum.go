package plant

import (
	"math"
	"math/rand/v2"
)

// pendulum is 67 m long, as Foucault's in the Panthéon, and driven by a known
// torque; a gust that nobody measures pushes it too.
//
//	θ'' = -(g/l)·sin θ - b·θ' + u + w
type pendulum struct {
	state  [2]float64 // θ in rad, θ' in rad/s
	torque steps
	gust   wander
	noise  *rand.Rand
}

func newPendulum(r random) machine {
	return &pendulum{
		state:  [2]float64{0.1, 0},
		torque: steps{r: r.of("torque"), lo: -0.03, hi: 0.03, mean: 4},
		gust:   wander{r: r.of("gust"), keep: 0.8, std: 0.001}, noise: r.of("noise"),
	}
}

func (p *pendulum) read(row []float64, fault string, _ int) {
	g, length, b := 9.81, 67.0, 0.02
	u, w := p.torque.next(), p.gust.next()
	row[1] = u
	switch fault {
	case "damping":
		b *= 1.5
	case "length":
		length *= 1.02
	case "reversal":
		u = -u
	}
	for range 10 {
		rk4(p.state[:], 0.5, func(s, rate []float64) {
			rate[0], rate[1] = s[1], -g/length*math.Sin(s[0])-b*s[1]+u+w
		})
	}
	row[0] = p.state[0] + 0.003*p.noise.NormFloat64()
	if fault == "encoder_bias" {
		row[0] += 0.02
	}
}
