package street

import (
	"math"
	"math/rand/v2"
)

const (
	Size = 96 // pixels a side of a frame
	FPS  = 10 // frames a second
)

// passer is somebody on the way through the picture: an upright ellipse.
type passer struct {
	y, x   float64 // middle, pixels
	dy, dx float64 // pixels a frame
	ry, rx float64 // half axes, pixels
	shade  float64 // of gray, 0 to 255
	stride float64 // phase of the steps
}

// way is where passers come from.
type way struct {
	each     float64    // frames from one to the next, in the mean; they come independently
	y, speed [2]float64 // middle of the way, and pixels a frame: drawn evenly between these
	tall     float64    // half of the usual height, pixels
}

// ways are two pavements, a lawn that somebody crosses once in 100 s and a bicycle once in 200 s.
func ways() []way {
	return []way{
		{25, [2]float64{35, 50}, [2]float64{0.4, 1.2}, 6},
		{50, [2]float64{52, 58}, [2]float64{0.6, 1.6}, 7},
		{1000, [2]float64{62, 90}, [2]float64{0.5, 1.5}, 9},
		{2000, [2]float64{28, 33}, [2]float64{3, 6}, 5},
	}
}

// Street is what one camera sees, from its first frame on. It is for one goroutine at a time.
type Street struct {
	rng    *rand.Rand
	place  []float64 // [Size·Size] gray, without anybody
	ways   []way
	passer []passer
	frames int // shown
}

// settle is how many frames pass unseen at the beginning, so that the first one is like any other.
const settle = 300

// New returns the street on the day of the seed. The place is always the same: two streets are two days before one camera.
func New(seed uint64) *Street {
	s := &Street{rng: rand.New(rand.NewPCG(seed, 0x57ee7)), place: place(), ways: ways()}
	for range settle {
		s.walk()
	}
	return s
}

// place is the picture without anybody: a wall, a pavement and a lawn, each with a grain of its own.
func place() []float64 {
	rng := rand.New(rand.NewPCG(0, 0x91ace))
	out := make([]float64, Size*Size)
	for y := range Size {
		ground := 120.0
		switch {
		case y < 30:
			ground = 80
		case y > 60:
			ground = 150
		}
		for x := range Size {
			out[y*Size+x] = ground + 10*rng.NormFloat64() + 15*math.Sin(float64(x)/7+float64(y)/11)
		}
	}
	return out
}

// between draws evenly.
func (s *Street) between(b [2]float64) float64 { return b[0] + (b[1]-b[0])*s.rng.Float64() }

// walk lets one frame's time pass: who walks goes on, who is out of the picture is gone, and somebody may come.
func (s *Street) walk() {
	on := s.passer[:0]
	for _, p := range s.passer {
		p.x += p.dx * (1 + 0.2*math.Sin(p.stride))
		p.y += p.dy
		p.stride += 0.5
		if p.x > -20 && p.x < Size+20 {
			on = append(on, p)
		}
	}
	s.passer = on
	for _, w := range s.ways {
		if s.rng.Float64()*w.each >= 1 {
			continue
		}
		p := passer{y: s.between(w.y), dx: s.between(w.speed), dy: 0.05 * s.rng.NormFloat64(),
			ry: w.tall * s.between([2]float64{0.8, 1.2}), shade: s.between([2]float64{20, 220}), stride: s.between([2]float64{0, 2 * math.Pi})}
		p.rx = p.ry / 3
		p.x = -p.rx - 1
		if s.rng.IntN(2) == 0 {
			p.x, p.dx = Size-p.x, -p.dx
		}
		s.passer = append(s.passer, p)
	}
}

// Next returns the next frame, Size·Size bytes of gray that are the caller's to keep.
func (s *Street) Next() []uint8 {
	s.walk()
	light := 1 + 0.03*math.Sin(float64(s.frames)/900) // it comes and goes in nine minutes
	s.frames++
	picture := make([]float64, len(s.place))
	for i, v := range s.place {
		picture[i] = v * light
	}
	for _, p := range s.passer {
		p.draw(picture)
	}
	out := make([]uint8, len(picture))
	for i, v := range picture {
		out[i] = uint8(math.Round(max(0, min(255, v+2*s.rng.NormFloat64())))) // the sensor's noise
	}
	return out
}

// draw puts a passer in front of what is there, with a soft edge.
func (p *passer) draw(picture []float64) {
	for y := max(0, int(p.y-p.ry)-1); y <= min(Size-1, int(p.y+p.ry)+1); y++ {
		for x := max(0, int(p.x-p.rx)-1); x <= min(Size-1, int(p.x+p.rx)+1); x++ {
			far := math.Pow((float64(y)-p.y)/p.ry, 2) + math.Pow((float64(x)-p.x)/p.rx, 2)
			if cover := min(1, 4*(1.1-far)); cover > 0 {
				at := y*Size + x
				picture[at] += cover * (p.shade - picture[at])
			}
		}
	}
}
