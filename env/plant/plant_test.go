package plant

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/dsp/fourier"
)

func simulate(t *testing.T, c Config) *Series {
	t.Helper()
	s, err := Simulate(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// column returns channel c.
func (s *Series) column(c int) []float64 {
	var out []float64
	for i := c; i < len(s.Values); i += len(s.Channels) {
		out = append(out, s.Values[i])
	}
	return out
}

func moments(x []float64) (mean, std float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		std += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, math.Sqrt(std)
}

// TestRK4Order halves the step of an oscillator whose course is known: an error
// of fourth order falls to a sixteenth.
func TestRK4Order(t *testing.T) {
	err := func(n int) float64 {
		s := []float64{1, 0}
		for range n {
			rk4(s, 5/float64(n), func(s, rate []float64) { rate[0], rate[1] = s[1], -s[0] })
		}
		return math.Hypot(s[0]-math.Cos(5), s[1]+math.Sin(5))
	}
	if ratio := err(50) / err(100); math.Abs(ratio-16) > 1 {
		t.Errorf("half the step divides the error by %.2f, want 16", ratio)
	}
}

// TestPendulumKeepsEnergy swings it without drive, gust and damping's help: the
// energy must fall as damping says, e^(-bt) near enough at a small angle.
func TestPendulumKeepsEnergy(t *testing.T) {
	p := newPendulum(random{1, "pendulum"}).(*pendulum)
	p.torque.lo, p.torque.hi, p.gust.std = 0, 0, 0
	p.state = [2]float64{0.05, 0}
	energy := func() float64 { return p.state[1]*p.state[1]/2 + 9.81/67*(1-math.Cos(p.state[0])) }
	before, row := energy(), make([]float64, 2)
	const readings = 30
	for range readings {
		p.read(row, "", 0)
	}
	if got, want := energy()/before, math.Exp(-0.02*5*readings); math.Abs(got/want-1) > 0.12 {
		t.Errorf("energy falls to %.4f, want about %.4f", got, want)
	}
}

// TestTanksRest lets the pumps give 3 V: the levels must come to those published
// for P-, and by the equations of rest for tanks 3 and 4.
func TestTanksRest(t *testing.T) {
	m := newTanks(random{1, "quadtank"}).(*tanks)
	m.v1.lo, m.v1.hi, m.v2.lo, m.v2.hi, m.in[0].std, m.in[1].std = 3, 3, 3, 3, 0, 0
	row := make([]float64, 4)
	for range 2000 {
		m.read(row, "", 0)
	}
	for i, want := range []float64{12.4, 12.7, 1.8, 1.4} {
		if math.Abs(m.h[i]-want) > 0.4 {
			t.Errorf("tank %d rests at %.2f cm, published %.1f", i+1, m.h[i], want)
		}
	}
	before := m.h[0]
	for range 500 {
		m.read(row, "leak", 0)
	}
	// the outlet and the leak together carry the same flow: √h falls by 1.1
	if got, want := m.h[0], before/(1.1*1.1); math.Abs(got-want) > 0.05 {
		t.Errorf("with a leak tank 1 rests at %.2f cm, want %.2f", got, want)
	}
}

// TestReactor checks the published steady state, that it is unstable, and that
// the controller holds it all the same.
func TestReactor(t *testing.T) {
	s := simulate(t, Config{Plant: "cstr", Seed: 3, Readings: 3 * 8640})
	for channel, want := range map[int][2]float64{0: {0.5, 0.05}, 1: {350, 1}, 2: {300, 1.5}} {
		if mean, _ := moments(s.column(channel)); math.Abs(mean-want[0]) > want[1] {
			t.Errorf("%s is %.3f on average, published steady state %g", s.Channels[channel], mean, want[0])
		}
	}
	if lo, hi := slices.Min(s.column(1)), slices.Max(s.column(1)); lo < 335 || hi > 365 {
		t.Errorf("temperature from %.1f to %.1f K: the controller does not hold it", lo, hi)
	}
	if _, std := moments(s.column(2)); std < 0.5 {
		t.Errorf("the jacket moves by %.2f K: the controller does nothing", std)
	}
}

// TestBearingStrikes finds the fault's rate in the envelope of the ringing.
func TestBearingStrikes(t *testing.T) {
	for fault, multiple := range map[string]float64{"outer": 3.585, "inner": 5.415, "ball": 4.714} {
		b := newBearing(random{5, "bearing"}).(*bearing)
		power := make([]float64, 60)
		row := make([]float64, 10)
		for range 300 {
			b.read(row, fault, 1<<20)
			envelope := make([]float64, 4096) // padded, for a finer grid
			mean := 0.0
			for i := 1; i < bearingSamples; i++ {
				envelope[i] = math.Abs(b.x[i] - b.x[i-1])
				mean += envelope[i] / bearingSamples
			}
			for i := range bearingSamples {
				envelope[i] -= mean
			}
			c := fourier.NewFFT(4096).Coefficients(nil, envelope)
			for i := range power {
				power[i] += real(c[i])*real(c[i]) + imag(c[i])*imag(c[i])
			}
		}
		top := 20 + slices.Index(power[20:], slices.Max(power[20:])) // above the shaft's own rate
		if got, want := float64(top)*bearingRate/4096, multiple*29.95; math.Abs(got-want) > 6 {
			t.Errorf("%s: strikes at %.1f Hz, want %.1f", fault, got, want)
		}
	}
}

func TestFaultsActFromTheirReading(t *testing.T) {
	for _, name := range Names() {
		const n, from = 900, 700
		sound := simulate(t, Config{Plant: name, Seed: 2, Readings: n})
		again := simulate(t, Config{Plant: name, Seed: 2, Readings: n})
		other := simulate(t, Config{Plant: name, Seed: 3, Readings: n})
		if !slices.Equal(sound.Values, again.Values) || slices.Equal(sound.Values, other.Values) {
			t.Errorf("%s: seeds 2, 2, 3 give the same and another series: no", name)
		}
		c := len(sound.Channels)
		for _, v := range sound.Values {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("%s: a reading is %g", name, v)
			}
		}
		for _, fault := range Faults(name) {
			s := simulate(t, Config{Plant: name, Seed: 2, Readings: n, Fault: fault, From: from})
			if !slices.Equal(s.Values[:from*c], sound.Values[:from*c]) {
				t.Errorf("%s/%s: readings before the fault differ", name, fault)
			}
			if slices.Equal(s.Values[(from+2)*c:], sound.Values[(from+2)*c:]) {
				t.Errorf("%s/%s: the fault changes nothing", name, fault)
			}
		}
	}
}

func TestFreeze(t *testing.T) {
	for _, name := range Names() {
		s := simulate(t, Config{Plant: name, Seed: 4, Readings: 50, Fault: "freeze", From: 20})
		x := s.column(0)
		for i := 21; i < 50; i++ {
			if x[i] != x[20] {
				t.Errorf("%s: frozen channel moves at %d", name, i)
				break
			}
		}
		if x[19] == x[20] {
			t.Errorf("%s: frozen too early", name)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	for _, c := range []Config{
		{Plant: "mill", Readings: 1}, {Plant: "cstr"}, {Plant: "cstr", Readings: 5, Fault: "leak"},
		{Plant: "cstr", Readings: 5, From: 5}, {Plant: "cstr", Readings: 5, From: -1},
	} {
		if _, err := Simulate(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
	if Faults("mill") != nil || Step("mill") != 0 || Step("quadtank") <= 0 {
		t.Error("a mill has faults or a step")
	}
}

func BenchmarkDay(b *testing.B) {
	for _, name := range Names() {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				if _, err := Simulate(Config{Plant: name, Seed: 1, Readings: int(86400 / Step(name).Seconds())}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
