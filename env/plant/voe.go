package plant

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Families of quadruplets, see Quadruplet.
const (
	FamilyLevel    = "level"    // tanks: what waits in the upper ones, which nobody measures
	FamilyVelocity = "velocity" // pendulum: how fast it swings where its sensor's range ends
	FamilyCycle    = "cycle"    // reactor: where in its cycle it is while its sensors calibrate themselves
	FamilySwap     = "swap"     // twin tanks: which level is whose
	FamilyDelay    = "delay"    // pendulum: when it was pushed
	FamilyGain     = "gain"     // tanks: how much a pump gives for a volt
	FamilyReversal = "reversal" // pendulum: which way time runs
)

// Families returns the families there are, without the controls.
func Families() []string {
	return []string{FamilyLevel, FamilyVelocity, FamilyCycle, FamilySwap, FamilyDelay, FamilyGain, FamilyReversal}
}

// Match says what possible and impossible recordings of a Quad have in common.
type Match string

// Matches. S is what a score gives a whole recording.
const (
	// MatchWindows: P1 and P2 agree to the bit over the Hidden readings before Splice,
	// but not in what the plant's hidden state was, and
	//
	//	I1 = P1 before Splice, P2 from there on;   I2 = P2 before Splice, P1 from there on
	//
	// So for k <= Hidden+1 the windows of k readings in P1 and P2 together are those in
	// I1 and I2 together, and so are those that end at Splice or later: a score that adds
	// up a function of k readings has S(P1)+S(P2) = S(I1)+S(I2).
	MatchWindows Match = "windows"
	// MatchChannels: what is given and what is measured are right each by itself, and
	//
	//	I1 = what is given to P1, what is measured of P2;   I2 = the other way round
	//
	// So the given channels of P1 and P2 are to the bit those of I1 and I2, and the
	// measured ones are: a score that adds up functions of one channel, however long,
	// has S(P1)+S(P2) = S(I1)+S(I2). Splice and Hidden are empty.
	MatchChannels Match = "channels"
	// MatchValues: I1 is P1 backwards, so values and sizes of differences are the same.
	// P2, I2, Splice and Hidden are empty.
	MatchValues Match = "values"
	// MatchNone: a control. I1 is P1 with a fault of a sensor from Splice on that any
	// score should see. P2, I2 and Hidden are empty.
	MatchNone Match = "none"
)

// Quad is two possible recordings and two impossible ones, made of the same
// readings as Match says. Readings are [Readings, channels] like those of a Series.
type Quad struct {
	Match          Match
	Channels       []string
	Inputs         []string // the channels among them that are given, the last
	Step           time.Duration
	Splice, Hidden int
	P1, P2, I1, I2 []float64
	Expected       [2][]float64 // P1 and P2 without a sensor's noise, for an oracle
}

// Quadruplet returns quadruplet n of a family or control, a function of family, seed
// and n; or an error if there is no such family.
//
// Of level: the four tanks, worked in batches with both outlets of the upper tanks
// behind a valve. Pumps charge for a while, then rest until the lower tanks are
// dry; then the valve opens. What comes down depends on how much was pumped up, in
// the last batch more in one recording than in the other.
//
// Of velocity: the pendulum, undriven, with a sensor that ends at ±0.08 rad. It is
// beyond that, swinging wide in one recording and less so in the other, and comes
// back fast or slowly. Of reversal: the pendulum with a better sensor, losing energy
// as time goes on.
//
// Of cycle: the reactor without its controller, in its limit cycle, whose period the
// coolant decides. For 18 to 24 readings, about a period, the gateway logs references
// instead of it; where in the cycle it is then follows from where it was.
//
// Of swap: two tanks of the same kind under a common demand, their levels exchanged. Of
// delay: the driven pendulum, its angle 1 to 3 readings early or late. Of gain: the four
// tanks; what pump 2 was told is further from its mean than what came, by 15 to 35 %, or
// nearer.
//
// Controls are swap's first possible recording with a fault of the first tank's
// sensor, see Controls.
//
// Sensor noise is a function of seed, n and the number of the reading, the same in
// all members, and readings are rounded as a converter does. In swap it is each
// tank's own and goes where its level goes; in delay it goes with the angle.
func Quadruplet(family string, seed uint64, n int) (*Quad, error) {
	r := random{seed, fmt.Sprintf("voe/%s/%d", family, n)}
	var q *Quad
	finish := (*Quad).splice
	switch family {
	case FamilyLevel:
		q = levelQuad(r)
	case FamilyVelocity:
		q = velocityQuad(r)
	case FamilyCycle:
		q = cycleQuad(r)
	case FamilySwap:
		q, finish = swapQuad(r), (*Quad).cross
	case FamilyDelay:
		q, finish = delayQuad(r), (*Quad).cross
	case FamilyGain:
		q, finish = gainQuad(r), (*Quad).cross
	case FamilyReversal:
		return reversalQuad(r), nil
	case ControlSpike, ControlShift, ControlFreeze:
		return controlQuad(r, family), nil
	default:
		return nil, fmt.Errorf("plant: there is no family %q, want one of %s", family, strings.Join(slices.Concat(Families(), Controls()), ", "))
	}
	if err := finish(q); err != nil {
		return nil, fmt.Errorf("plant: quadruplet %d of %s, seed %d: %w", n, family, seed, err)
	}
	return q, nil
}

// splice makes the impossible recordings: the cut is where P1 and P2, which agree
// around Splice, part.
func (q *Quad) splice() error {
	q.Match = MatchWindows
	c := len(q.Channels)
	same := func(t int) bool {
		return t < len(q.P1)/c && slices.Equal(q.P1[t*c:(t+1)*c], q.P2[t*c:(t+1)*c])
	}
	if !same(q.Splice) {
		return errors.New("its recordings differ while the plant is hidden")
	}
	for same(q.Splice) {
		q.Splice++
	}
	for q.Hidden = 0; q.Hidden < q.Splice && same(q.Splice-1-q.Hidden); {
		q.Hidden++
	}
	cut := q.Splice * c
	if cut == len(q.P1) || q.Hidden == q.Splice {
		return errors.New("its recordings have the same past or the same future")
	}
	q.I1 = slices.Concat(q.P1[:cut], q.P2[cut:])
	q.I2 = slices.Concat(q.P2[:cut], q.P1[cut:])
	return nil
}

// rounded is v as a converter with steps of unit gives it.
func rounded(v, unit float64) float64 { return math.Round(v/unit) * unit }

const levelBatches = 3

// batch is one charge of the tanks and what follows, in readings.
type batch struct {
	charge, hold, release int
	v1, v2                float64
}

func levelQuad(r random) *Quad {
	plan, noise := r.of("plan"), r.of("noise")
	q := &Quad{Channels: []string{"h1", "h2", "v1", "v2", "valve"}, Inputs: []string{"v1", "v2", "valve"}, Step: 10 * time.Second}
	var batches [levelBatches]batch
	readings := 0
	for i := range batches {
		batches[i] = batch{6 + plan.IntN(4), 26 + plan.IntN(8), 22 + plan.IntN(6), 1 + 3*plan.Float64(), 1 + 3*plan.Float64()}
		readings += batches[i].charge + batches[i].hold + batches[i].release
	}
	last := batches[levelBatches-1]
	q.Splice = readings - last.release - 1
	other := batches
	low, high := 1+plan.Float64(), 3+plan.Float64()
	if plan.IntN(2) == 0 {
		low, high = high, low
	}
	batches[levelBatches-1].v2, other[levelBatches-1].v2 = low, high
	sensor := make([]float64, 2*readings)
	for i := range sensor {
		sensor[i] = 0.03 * noise.NormFloat64()
	}
	q.P1, q.Expected[0] = runBatches(batches[:], sensor)
	q.P2, q.Expected[1] = runBatches(other[:], sensor)
	return q
}

// runBatches works the tanks, which begin empty, and returns their readings with
// and without noise.
func runBatches(batches []batch, noise []float64) (read, exact []float64) {
	var h [4]float64
	for _, b := range batches {
		for i := range b.charge + b.hold + b.release {
			v1, v2, valve := 0.0, 0.0, 0.0
			if i < b.charge {
				v1, v2 = b.v1, b.v2
			}
			if i >= b.charge+b.hold {
				valve = 1
			}
			flow(&h, v1, v2, valve)
			t := len(read) / 5
			exact = append(exact, h[0], h[1], v1, v2, valve)
			read = append(read, rounded(h[0]+noise[2*t], 0.01), rounded(h[1]+noise[2*t+1], 0.01), v1, v2, valve)
		}
	}
	return read, exact
}

// flow is 10 s of the equations of tanks, without disturbances, with the outlets
// of the upper tanks open as far as valve says. A tank that runs dry is dry.
func flow(h *[4]float64, v1, v2, valve float64) {
	area, hole := [4]float64{28, 32, 28, 32}, [4]float64{0.071, 0.057, 0.071 * valve, 0.057 * valve}
	const k1, k2, gamma1, gamma2, g2 = 3.33, 3.35, 0.70, 0.60, 2 * 981
	for range 10 {
		rk4(h[:], 1, func(h, rate []float64) {
			var out [4]float64
			for i := range out {
				out[i] = hole[i] * math.Sqrt(g2*max(0, h[i]))
			}
			rate[0], rate[1] = (-out[0]+out[2]+gamma1*k1*v1)/area[0], (-out[1]+out[3]+gamma2*k2*v2)/area[1]
			rate[2], rate[3] = (-out[2]+(1-gamma2)*k2*v2)/area[2], (-out[3]+(1-gamma1)*k1*v1)/area[3]
		})
		for i := range h {
			h[i] = max(0, h[i])
		}
	}
}

// swing is the state of an undriven pendulum after t seconds, which may be below 0.
func swing(angle, velocity, t float64) (float64, float64) {
	s := []float64{angle, velocity}
	n := max(1, int(math.Ceil(math.Abs(t)/0.05)))
	for range n {
		rk4(s, t/float64(n), func(s, rate []float64) {
			rate[0], rate[1] = s[1], -9.81/67*math.Sin(s[0])-0.02*s[1]
		})
	}
	return s[0], s[1]
}

const (
	swingReadings = 140
	swingStep     = 250 * time.Millisecond
	swingEnd      = 0.08 // rad, where the sensor's range ends
)

func velocityQuad(r random) *Quad {
	plan, noise := r.of("plan"), r.of("noise")
	q := &Quad{Channels: []string{"angle"}, Step: swingStep, Splice: 84 + plan.IntN(16)}
	low, high := 0.15+0.1*plan.Float64(), 0.35+0.15*plan.Float64()
	if plan.IntN(2) == 0 {
		low, high = high, low
	}
	if plan.IntN(2) == 0 {
		low, high = -low, -high
	}
	sensor := make([]float64, swingReadings)
	for i := range sensor {
		sensor[i] = 0.0005 * noise.NormFloat64()
	}
	run := func(top float64) (read, exact []float64) {
		for t := range swingReadings {
			angle, _ := swing(top, 0, float64(t-q.Splice)*swingStep.Seconds())
			angle = max(-swingEnd, min(swingEnd, angle))
			exact = append(exact, angle)
			read = append(read, rounded(angle+sensor[t], 1e-4))
		}
		return read, exact
	}
	q.P1, q.Expected[0] = run(low)
	q.P2, q.Expected[1] = run(high)
	return q
}

// reversalQuad has no splice: a run and the same backwards.
func reversalQuad(r random) *Quad {
	plan, noise := r.of("plan"), r.of("noise")
	q := &Quad{Match: MatchValues, Channels: []string{"angle"}, Step: time.Second}
	angle, velocity := swing(0.2+0.3*plan.Float64(), 0, 20*plan.Float64())
	for range swingReadings {
		q.Expected[0] = append(q.Expected[0], angle)
		q.P1 = append(q.P1, rounded(angle+0.0005*noise.NormFloat64(), 1e-4))
		angle, velocity = swing(angle, velocity, 1)
	}
	q.I1 = slices.Clone(q.P1)
	slices.Reverse(q.I1)
	return q
}
