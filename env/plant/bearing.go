package plant

import (
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/dsp/fourier"
)

// bearing is a 6205 ball bearing under a load that follows the day. Every reading
// is a burst of 1024 samples at 12 kHz, of which the gateway keeps features: rms,
// kurtosis, crest factor, and the logarithm of the energy in five octaves, named by
// their upper end in Hz.
//
//	x(t) = Σ_i A_i·e^(-β(t-τ_i))·sin(2π·fr·(t-τ_i)) + shaft harmonics + noise
//	τ_i = i/f·(1 ± slip of 1.5 %),   f = the fault's multiple of the shaft's rate
//
// Source of the multiples: 3.585 outer race, 5.415 inner race, 4.714 ball, the
// 6205 of the Case Western Reserve University bearing data centre.
type bearing struct {
	n     int
	load  wander
	speed wander
	r     *rand.Rand
	fft   *fourier.FFT
	x     []float64
	freq  []complex128
}

const (
	bearingSamples = 1024
	bearingRate    = 12000.0
)

func newBearing(r random) machine {
	return &bearing{
		load: wander{r: r.of("load"), keep: 0.98, std: 0.1}, speed: wander{r: r.of("speed"), keep: 0.9, std: 0.15},
		r: r.of("burst"), fft: fourier.NewFFT(bearingSamples), x: make([]float64, bearingSamples),
	}
}

func (b *bearing) read(row []float64, fault string, since int) {
	load := 1 + 0.2*math.Sin(2*math.Pi*float64(b.n)/720) + b.load.next()
	hz := 29.95 + b.speed.next() - 0.3*(load-1)
	b.n++
	grown := min(1, float64(since)/(3*720)) // full after 3 days
	shaft := [3]float64{0.1, 0.04, 0.02}
	if fault == "mount" { // a loose mount: harmonics grow, nothing strikes
		shaft[1], shaft[2] = shaft[1]*(1+2*grown), shaft[2]*(1+2*grown)
	}
	phase := [3]float64{}
	for i := range phase {
		phase[i] = 2 * math.Pi * b.r.Float64()
	}
	for i := range b.x {
		t := float64(i) / bearingRate
		b.x[i] = 0.06 * load * b.r.NormFloat64()
		for k, a := range shaft {
			b.x[i] += a * load * math.Sin(2*math.Pi*hz*float64(k+1)*t+phase[k])
		}
	}
	b.strike(5, 0.02*load, 2*hz) // what a sound bearing and its neighbours do
	switch fault {
	case "outer":
		b.strike(1, 0.5*grown*load, 3.585*hz)
	case "inner":
		b.strike(1, 0.5*grown*load, 5.415*hz)
	case "ball":
		b.strike(1, 0.4*grown*load, 4.714*hz)
	}
	b.features(row)
	row[8], row[9] = hz+0.01*b.r.NormFloat64(), load+0.01*b.r.NormFloat64()
}

// strike adds impacts at rate f, each of which rings at 3.2 kHz.
func (b *bearing) strike(jitter, amplitude, f float64) {
	const ring, beta = 3200.0, 900.0
	for tau := -b.r.Float64() / f; tau < bearingSamples/bearingRate; tau += (1 + 0.015*jitter*(2*b.r.Float64()-1)) / f {
		a := amplitude * (1 + 0.2*b.r.NormFloat64())
		for i := max(0, int(math.Ceil(tau*bearingRate))); i < bearingSamples; i++ {
			t := float64(i)/bearingRate - tau
			if beta*t > 7 {
				break
			}
			b.x[i] += a * math.Exp(-beta*t) * math.Sin(2*math.Pi*ring*t)
		}
	}
}

func (b *bearing) features(row []float64) {
	square, fourth, peak := 0.0, 0.0, 0.0
	for _, v := range b.x {
		square += v * v / bearingSamples
		fourth += v * v * v * v / bearingSamples
		peak = max(peak, math.Abs(v))
	}
	row[0] = math.Sqrt(square)
	row[1], row[2] = fourth/(square*square), peak/row[0]
	b.freq = b.fft.Coefficients(b.freq, b.x)
	from := 1
	for i := range 5 {
		to, energy := bearingSamples/2>>(4-i), 0.0
		for _, c := range b.freq[from:to] {
			energy += real(c)*real(c) + imag(c)*imag(c)
		}
		row[3+i] = math.Log(energy / bearingSamples)
		from = to
	}
}
