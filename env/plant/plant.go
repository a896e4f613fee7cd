package plant

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Config says what is simulated.
type Config struct {
	Plant    string // one of Names
	Seed     uint64
	Readings int    // how many; at least 1
	Fault    string // one of Faults of the plant; empty means none
	From     int    // reading from which the fault acts; 0 <= From < Readings
}

// Series is what the gateway logged.
type Series struct {
	Channels []string
	Step     time.Duration // between readings
	Values   []float64     // [Readings, channels]
}

// machine is a plant in motion.
type machine interface {
	// read moves on by one step and writes what the sensors show to row. fault is
	// empty while all is well; since counts the readings that it has lasted.
	read(row []float64, fault string, since int)
}

// kind describes a plant.
type kind struct {
	name     string
	channels []string
	inputs   int // how many of them, the last, are given
	step     time.Duration
	faults   []string
	start    func(random) machine
}

// kinds returns the plants in the order of their names.
func kinds() []kind {
	return []kind{
		{"bearing", []string{"rms", "kurtosis", "crest", "band375", "band750", "band1500", "band3000", "band6000", "speed", "load"}, 2, 2 * time.Minute,
			[]string{"outer", "inner", "ball", "mount", "freeze"}, newBearing},
		{"cstr", []string{"concentration", "temperature", "coolant", "setpoint"}, 1, 10 * time.Second,
			[]string{"fouling", "catalyst", "coolant_bias", "feed", "freeze"}, newReactor},
		{"pendulum", []string{"angle", "torque"}, 1, 5 * time.Second,
			[]string{"damping", "length", "encoder_bias", "reversal", "freeze"}, newPendulum},
		{"quadtank", []string{"h1", "h2", "v1", "v2"}, 2, 10 * time.Second,
			[]string{"leak", "pump", "valve", "bias", "drift", "freeze"}, newTanks},
	}
}

// Names returns the plants there are.
func Names() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// Faults returns what can go wrong with a plant; nil for one that there is not.
func Faults(plant string) []string {
	k, err := find(plant)
	if err != nil {
		return nil
	}
	return slices.Clone(k.faults)
}

// Step returns the time between readings of a plant; 0 for one that there is not.
func Step(plant string) time.Duration {
	k, err := find(plant)
	if err != nil {
		return 0
	}
	return k.step
}

// Inputs returns the channels of a plant that are given, such as pump voltages; nil
// for one that there is not.
func Inputs(plant string) []string {
	k, err := find(plant)
	if err != nil {
		return nil
	}
	return slices.Clone(k.channels[len(k.channels)-k.inputs:])
}

func find(plant string) (kind, error) {
	for _, k := range kinds() {
		if k.name == plant {
			return k, nil
		}
	}
	return kind{}, fmt.Errorf("plant: there is no %q, want one of %s", plant, strings.Join(Names(), ", "))
}

// Validate reports every fault of c at once, or nil.
func (c Config) Validate() error {
	k, err := find(c.Plant)
	errs := []error{err}
	if c.Readings < 1 {
		errs = append(errs, fmt.Errorf("plant: %d readings, want at least 1", c.Readings))
	}
	if c.Fault != "" && err == nil && !slices.Contains(k.faults, c.Fault) {
		errs = append(errs, fmt.Errorf("plant: %s has no fault %q, want one of %s", c.Plant, c.Fault, strings.Join(k.faults, ", ")))
	}
	if c.From < 0 || c.Readings >= 1 && c.From >= c.Readings {
		errs = append(errs, fmt.Errorf("plant: fault from reading %d of %d", c.From, c.Readings))
	}
	return errors.Join(errs...)
}

// Simulate returns the readings, or the faults of c.
func Simulate(c Config) (*Series, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	k, err := find(c.Plant)
	if err != nil {
		return nil, err
	}
	n := len(k.channels)
	s := &Series{Channels: k.channels, Step: k.step, Values: make([]float64, c.Readings*n)}
	m := k.start(random{c.Seed, k.name})
	var frozen float64
	for i := range c.Readings {
		row, fault, since := s.Values[i*n:(i+1)*n], "", 0
		if c.Fault != "" && i >= c.From {
			fault, since = c.Fault, i-c.From
		}
		m.read(row, fault, since)
		switch {
		case fault == "freeze" && since > 0:
			row[0] = frozen
		default:
			frozen = row[0]
		}
	}
	return s, nil
}

// random gives independent generators for purposes of one series.
type random struct {
	seed uint64
	name string
}

func (r random) of(purpose string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(r.name + "/" + purpose))
	return rand.New(rand.NewPCG(r.seed, h.Sum64()))
}

// rk4 advances state by dt under its derivative, in place.
func rk4(state []float64, dt float64, derive func(state, rate []float64)) {
	var k [4][4]float64
	var at [4]float64
	n := len(state)
	derive(state, k[0][:n])
	for stage, share := range []float64{0.5, 0.5, 1} {
		for i := range n {
			at[i] = state[i] + share*dt*k[stage][i]
		}
		derive(at[:n], k[stage+1][:n])
	}
	for i := range n {
		state[i] += dt / 6 * (k[0][i] + 2*k[1][i] + 2*k[2][i] + k[3][i])
	}
}

// wander is an Ornstein-Uhlenbeck process of mean 0, one value a reading.
type wander struct {
	r    *rand.Rand
	keep float64 // correlation of consecutive values
	std  float64
	x    float64
}

func (w *wander) next() float64 {
	w.x = w.keep*w.x + w.std*math.Sqrt(1-w.keep*w.keep)*w.r.NormFloat64()
	return w.x
}

// steps holds a value for a random time, then draws another.
type steps struct {
	r      *rand.Rand
	lo, hi float64
	mean   float64 // readings between draws, on average
	x      float64
	begun  bool
}

func (s *steps) next() float64 {
	if !s.begun || s.r.Float64() < 1/s.mean {
		s.x, s.begun = s.lo+(s.hi-s.lo)*s.r.Float64(), true
	}
	return s.x
}
