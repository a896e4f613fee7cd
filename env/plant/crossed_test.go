package plant

import (
	"math"
	"slices"
	"testing"
)

// channel returns one channel of a recording.
func channel(q *Quad, of []float64, i int) []float64 {
	var out []float64
	for at := i; at < len(of); at += len(q.Channels) {
		out = append(out, of[at])
	}
	return out
}

// trajectories returns each recording's channels from one to another, whole, as bytes,
// sorted.
func trajectories(q *Quad, from, to int, members ...[]float64) []string {
	var out []string
	for _, m := range members {
		var b []byte
		for i := from; i < to; i++ {
			b = append(b, bits(channel(q, m, i))...)
		}
		out = append(out, string(b))
	}
	slices.Sort(out)
	return out
}

// TestCrossingIsExact wants the same trajectories in {P1, P2} and {I1, I2}, byte for
// byte, of every channel, of all measured channels together and of all given ones, and
// so the same marginals; but not of all together, not even of one reading.
func TestCrossingIsExact(t *testing.T) {
	for _, family := range []string{FamilySwap, FamilyDelay, FamilyGain} {
		for n := range 12 {
			q := quad(t, family, n)
			c := len(q.Channels)
			measured := c - len(q.Inputs)
			if q.Match != MatchChannels || len(q.P1) != crossedReadings*c || len(q.P2) != len(q.P1) || q.Splice != 0 || q.Hidden != 0 {
				t.Fatalf("%s %d: matched by %s, %d and %d numbers of %d channels, splice %d", family, n, q.Match, len(q.P1), len(q.P2), c, q.Splice)
			}
			parts := [][2]int{{0, measured}, {measured, c}}
			for i := range c {
				parts = append(parts, [2]int{i, i + 1})
			}
			for _, p := range parts {
				if !slices.Equal(trajectories(q, p[0], p[1], q.P1, q.P2), trajectories(q, p[0], p[1], q.I1, q.I2)) {
					t.Errorf("%s %d: channels %d to %d are others in what is impossible", family, n, p[0], p[1])
				}
			}
			if slices.Equal(bag(q, 1, 0, q.P1, q.P2), bag(q, 1, 0, q.I1, q.I2)) {
				t.Errorf("%s %d: all readings of all channels are the same: nothing is impossible", family, n)
			}
			if !slices.Equal(channel(q, q.I1, c-1), channel(q, q.P1, c-1)) || !slices.Equal(channel(q, q.I1, 0), channel(q, q.P2, 0)) {
				t.Errorf("%s %d: I1 is not what is given to P1 with what is measured of P2", family, n)
			}
		}
	}
}

// TestSwapExchangesTwins: the second possible recording is the first with its units the
// other way round.
func TestSwapExchangesTwins(t *testing.T) {
	q := quad(t, FamilySwap, 4)
	for i, j := range []int{1, 0, 3, 2} {
		if !slices.Equal(channel(q, q.P2, i), channel(q, q.P1, j)) {
			t.Errorf("channel %s of P2 is not %s of P1", q.Channels[i], q.Channels[j])
		}
	}
}

// TestDelayShiftsBoth: P2 is P1 up to 3 readings later, or the other way round, in angle
// and in torque; and so the angle of I1 and I2 is that much off its torque.
func TestDelayShiftsBoth(t *testing.T) {
	seen := map[int]int{}
	for n := range 24 {
		q := quad(t, FamilyDelay, n)
		for late := -3; late <= 3; late++ {
			early, later := q.P1, q.P2
			if late < 0 {
				early, later = q.P2, q.P1
			}
			by := max(late, -late)
			angle := slices.Equal(channel(q, early, 0)[by:], channel(q, later, 0)[:crossedReadings-by])
			torque := slices.Equal(channel(q, early, 1)[by:], channel(q, later, 1)[:crossedReadings-by])
			if angle != torque {
				t.Errorf("quadruplet %d: by %d readings angle the same: %v, torque: %v", n, late, angle, torque)
			}
			if angle {
				seen[late]++
			}
		}
	}
	total := 0
	for _, k := range seen {
		total += k
	}
	if total != 24 || seen[0] != 0 || len(seen) != 6 {
		t.Errorf("delays %v, want one of -3 to 3 but 0 in each of 24, and all of them", seen)
	}
}

// TestGainIsAGain: pump 2 is told as much further from 3 V at every reading, pump 1 the
// same.
func TestGainIsAGain(t *testing.T) {
	for n := range 10 {
		q := quad(t, FamilyGain, n)
		v1, v2, w1, w2 := channel(q, q.P1, 2), channel(q, q.P1, 3), channel(q, q.P2, 2), channel(q, q.P2, 3)
		gain := (w2[0] - 3) / (v2[0] - 3)
		if g := max(gain, 1/gain); !(g >= 1.15 && g <= 1.35) || !slices.Equal(v1, w1) {
			t.Errorf("quadruplet %d: gain %g, want 1.15 to 1.35, or its inverse; pump 1 the same %v", n, gain, slices.Equal(v1, w1))
		}
		for i := range v2 {
			if math.Abs((w2[i]-3)-gain*(v2[i]-3)) > 1e-9 {
				t.Errorf("quadruplet %d, reading %d: %g V and %g V, want a gain of %g", n, i, v2[i], w2[i], gain)
			}
		}
	}
}

// TestCrossNeedsDifference: recordings that are given the same, or measure the same,
// are refused.
func TestCrossNeedsDifference(t *testing.T) {
	for _, p2 := range [][]float64{{1, 2, 3, 4}, {9, 2, 8, 4}, {1, 9, 3, 4}} {
		q := &Quad{Channels: []string{"y", "u"}, Inputs: []string{"u"}, P1: []float64{1, 2, 3, 4}, P2: p2}
		if err := q.cross(); err == nil {
			t.Errorf("%v and %v are crossed", q.P1, p2)
		}
	}
}

// TestCycleRepeats: the two recordings are one cycle, apart by a part of a period, which
// goes on as long as it is watched; references hide both over the same readings.
func TestCycleRepeats(t *testing.T) {
	for n := range 12 {
		q := quad(t, FamilyCycle, n)
		coolant := q.P1[2]
		run := cycleRun(coolant, cycleWarm+3*cycleReadings)
		p := period(run[cycleWarm:])
		if p < 17 || p > 30 {
			t.Errorf("coolant at %.2f K: a period of %d readings, want about 19 to 28", coolant, p)
		}
		temperature := func(from int) []float64 {
			var out []float64
			for _, s := range run[from : from+2*p] {
				out = append(out, s[1])
			}
			return out
		}
		first, last := temperature(cycleWarm), temperature(len(run)-2*p)
		swing := slices.Max(first) - slices.Min(first)
		if d := slices.Max(last) - slices.Min(last) - swing; swing < 15 || math.Abs(d) > 0.1*swing {
			t.Errorf("coolant at %.2f K: swings of %.1f K and then %.1f more: no limit cycle", coolant, swing, d)
		}
		for at := q.Splice - q.Hidden; at < q.Splice; at++ {
			if row := q.P1[at*4 : at*4+4]; !slices.Equal(row, []float64{heldConcentration, heldTemperature, coolant, 1}) {
				t.Errorf("quadruplet %d, reading %d while hidden: %v", n, at, row)
			}
		}
		a, b := channel(q, q.Expected[0], 1), channel(q, q.Expected[1], 1)
		apart := 0.0
		for at := q.Splice; at < len(a); at++ {
			apart = max(apart, math.Abs(a[at]-b[at]))
		}
		if apart < swing/4 {
			t.Errorf("quadruplet %d: at most %.1f K apart of a swing of %.1f", n, apart, swing)
		}
	}
}

// TestControlsSpoilOneSensor: nothing before the splice, no other channel, and what each
// says.
func TestControlsSpoilOneSensor(t *testing.T) {
	for _, control := range Controls() {
		for n := range 6 {
			q := quad(t, control, n)
			if q.Match != MatchNone || q.P2 != nil || q.I2 != nil || slices.Contains(Families(), control) {
				t.Fatalf("%s: matched by %s, or among the families", control, q.Match)
			}
			changed, rises, values := 0, map[int64]int{}, map[float64]int{}
			for i := range q.P1 {
				at := i / len(q.Channels)
				if i%len(q.Channels) == 0 && at >= q.Splice {
					rises[int64(math.Round(1e6*(q.I1[i]-q.P1[i])))]++
					values[q.I1[i]]++
				}
				if q.I1[i] == q.P1[i] {
					continue
				}
				if changed++; at < q.Splice || i%len(q.Channels) != 0 {
					t.Errorf("%s %d: reading %d, channel %d is changed", control, n, at, i%len(q.Channels))
				}
			}
			after := crossedReadings - q.Splice
			switch {
			case control == ControlSpike && changed != 1:
				t.Errorf("spike %d: %d readings are changed, want 1", n, changed)
			case control == ControlShift && (changed != after || len(rises) != 1):
				t.Errorf("shift %d: %d of %d readings are changed, by %d sizes", n, changed, after, len(rises))
			case control == ControlFreeze && (len(values) != 1 || changed < after/2):
				t.Errorf("freeze %d: %d values in %d readings", n, len(values), after)
			}
		}
	}
}
