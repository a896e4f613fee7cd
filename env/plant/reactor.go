package plant

import (
	"math"
	"math/rand/v2"
)

// reactor is a stirred tank with an exothermic reaction. Around 350 K it is
// unstable: left alone it goes out or flares up beyond 450 K, so a PI controller
// moves the jacket's temperature Tc to hold a set point, which is moved between
// 346 and 354 K. Time in minutes, temperatures in K, concentration of A in mol/L.
//
//	V·cA' = q·(cAi - cA) - V·k·cA,   k = k0·exp(-Ea/RT)
//	V·ρ·Cp·T' = q·ρ·Cp·(Ti - T) + (-ΔH)·V·k·cA + UA·(Tc - T)
//	Tc = 300 + 4·(Tset - T) + 2·∫(Tset - T), between 270 and 330
//
// Source: Seborg, Edgar, Mellichamp, "Process Dynamics and Control", example 2.5;
// the controller is ours.
type reactor struct {
	state  [3]float64 // cA, T, ∫(Tset - T)
	set    steps
	feed   wander
	warmth wander
	noise  *rand.Rand
}

func newReactor(r random) machine {
	return &reactor{
		state:  [3]float64{0.5, 350, 0},
		set:    steps{r: r.of("set"), lo: 346, hi: 354, mean: 60},
		feed:   wander{r: r.of("feed"), keep: 0.95, std: 0.003},
		warmth: wander{r: r.of("warmth"), keep: 0.95, std: 0.2}, noise: r.of("noise"),
	}
}

// k0 per minute and UA in J/(min·K), of the reactor as it is meant.
const rateFactor, jacketArea = 7.2e10, 5e4

// reaction is what the state of the reactor moves under.
type reaction struct {
	feed, warm float64 // concentration and temperature of what flows in
	k0, ua     float64
}

// rates returns cA' and T' with a jacket at Tc.
func (r *reaction) rates(concentration, temperature, jacket float64) (dc, dt float64) {
	const q, v, rhoCp, heat = 100.0, 100.0, 239.0, 5e4
	k := r.k0 * math.Exp(-72750/8.314/temperature)
	dc = q/v*(r.feed-concentration) - k*concentration
	dt = q/v*(r.warm-temperature) + heat/rhoCp*k*concentration + r.ua/(v*rhoCp)*(jacket-temperature)
	return dc, dt
}

func (c *reactor) read(row []float64, fault string, since int) {
	const inlet = 350.0
	now := reaction{feed: 1 + c.feed.next(), k0: rateFactor, ua: jacketArea}
	set := c.set.next()
	now.warm = inlet + c.warmth.next()
	days := float64(since) / 8640
	switch fault {
	case "fouling":
		now.ua *= max(0.5, 1-0.05*days) // 5 % a day
	case "catalyst":
		now.k0 *= max(0.5, 1-0.05*days)
	case "feed":
		now.feed *= 1.01
	}
	jacket := func(s []float64) float64 { return max(270, min(330, 300+4*(set-s[1])+2*s[2])) }
	for range 10 { // of 1 s
		rk4(c.state[:], 1.0/60, func(s, rate []float64) {
			rate[0], rate[1] = now.rates(s[0], s[1], jacket(s))
			rate[2] = set - s[1]
		})
		c.state[2] = max(-10, min(10, c.state[2])) // no wind-up
	}
	row[0], row[1] = c.state[0]+0.005*c.noise.NormFloat64(), c.state[1]+0.3*c.noise.NormFloat64()
	row[2], row[3] = jacket(c.state[:])+0.1*c.noise.NormFloat64(), set
	if fault == "coolant_bias" {
		row[2] += 0.5
	}
}
