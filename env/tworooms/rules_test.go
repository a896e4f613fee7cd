package tworooms

import (
	"math"
	"math/rand/v2"
	"testing"
)

// naiveBlocked reports whether the way from p to q leaves the legal region, by looking at many points of it.
// unsure is set when the way only grazes a wall, where sampling cannot tell.
func naiveBlocked(l Layout, p, q Point) (blocked, unsure bool) {
	const n, graze = 4000, 0.004
	for i := range n + 1 {
		s := p.Add(q.Sub(p).Scale(float64(i) / n))
		if !l.Legal(s) {
			return true, false
		}
		for _, d := range []Point{{graze, 0}, {-graze, 0}, {0, graze}, {0, -graze}} {
			unsure = unsure || !l.Legal(s.Add(d))
		}
	}
	return false, unsure
}

func randomLegal(r *rand.Rand, l Layout) Point {
	for {
		p := Point{uniform(r, 4, 60), uniform(r, 4, 60)}
		switch r.IntN(4) {
		case 0: // near the door
			p = Point{uniform(r, l.left()-2, l.right()+2), uniform(r, l.doorLow()-2, l.doorHigh()+2)}
		case 1: // near the wall
			p.X = uniform(r, l.left()-1, l.right()+1)
		case 2: // near the upper border
			p.Y = uniform(r, 4, 6)
		}
		if l.Legal(p) {
			return p
		}
	}
}

func TestCollisionRulesBlockWhatCrossesAWall(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	hits, free := 0, 0
	for range 4000 {
		l := LayoutRandom.draw(r, Layout{})
		p := randomLegal(r, l)
		a := Point{uniform(r, -MaxAction, MaxAction), uniform(r, -MaxAction, MaxAction)}
		blocked, unsure := naiveBlocked(l, p, p.Add(a))
		if unsure {
			continue
		}
		if blocked {
			hits++
		} else {
			free++
		}
		if got := moveTraining(l, p, a); got != p.Add(a) != blocked || blocked && got != p {
			t.Fatalf("training rule, %+v from %+v by %+v: at %+v, blocked should be %v", l, p, a, got, blocked)
		}
		got := moveEvaluation(l, p, a, r)
		if got != p.Add(a) != blocked {
			t.Fatalf("evaluation rule, %+v from %+v by %+v: at %+v, blocked should be %v", l, p, a, got, blocked)
		}
		if !l.Legal(got) {
			t.Fatalf("evaluation rule, %+v from %+v by %+v: ends inside a wall at %+v", l, p, a, got)
		}
	}
	if hits < 500 || free < 500 {
		t.Errorf("%d blocked and %d free moves, the twin compared too few", hits, free)
	}
}

func TestEvaluationHitNoise(t *testing.T) {
	l := Layout{WallX: 32, DoorY: 18}
	for _, c := range []struct {
		name    string
		p, a    Point
		hit     Point
		normalX bool
		sign    float64
	}{
		{"wall from the left", Point{30, 40}, Point{2, 1}, Point{31, 40.5}, true, -1},
		{"wall from the right", Point{34, 40}, Point{-2, 1}, Point{33, 40.5}, true, 1},
		{"border left", Point{5, 40}, Point{-2, 0}, Point{4, 40}, true, 1},
		{"border below", Point{20, 59}, Point{1, 2}, Point{20.5, 60}, false, -1},
		{"door edge below", Point{32, 21}, Point{0.4, 2}, Point{32.2, 22}, false, -1},
		{"door edge above", Point{32, 15}, Point{0, -2}, Point{32, 14}, false, 1},
		{"corner, the wall is nearer", Point{30, 58.5}, Point{2, 2.4}, Point{31, 59.7}, true, -1},
	} {
		r := rand.New(rand.NewPCG(5, 6))
		const n = 20000
		var across, along, along2 float64
		for range n {
			q := moveEvaluation(l, c.p, c.a, r).Sub(c.hit)
			if !c.normalX {
				q = Point{q.Y, q.X}
			}
			if q.X*c.sign <= 0 {
				t.Fatalf("%s: noise across the wall %v, want sign %v", c.name, q.X, c.sign)
			}
			across += q.X * c.sign / n
			along += q.Y / n
			along2 += q.Y * q.Y / n
		}
		if want := 0.5 * math.Sqrt(2/math.Pi); math.Abs(across-want) > 0.01 { // mean of |N(0, 0.5²)|
			t.Errorf("%s: mean distance from the wall %.3f, want %.3f", c.name, across, want)
		}
		if c.name == "corner, the wall is nearer" {
			continue // there the room's clamp bends the noise
		}
		if math.Abs(along) > 0.02 {
			t.Errorf("%s: mean along the wall %.3f, want 0", c.name, along)
		}
		if sd := math.Sqrt(along2); math.Abs(sd-0.5) > 0.01 {
			t.Errorf("%s: std along the wall %.3f, want 0.5", c.name, sd)
		}
	}
}

func TestHitStaysInsideRoom(t *testing.T) {
	for _, c := range []struct{ v, want float64 }{{3, 4.3}, {4, 4.3}, {4.1, 4.1}, {31, 30.7}, {40, 30.7}, {20, 20}} {
		if got := inset(c.v, 4, 31); got != c.want {
			t.Errorf("inset(%v, 4, 31) = %v, want %v", c.v, got, c.want)
		}
	}
}

func TestSamplerMoments(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const n = 200000
	var c, s, m, v float64
	for range n {
		a := vonMises(r, 5)
		if math.Abs(a) > math.Pi {
			t.Fatalf("vonMises = %v", a)
		}
		c += math.Cos(a) / n
		s += math.Sin(a) / n
		x := truncNormal(r, 1, 0.4, 0.8)
		if x < 0.2 || x > 1.8 {
			t.Fatalf("truncNormal = %v", x)
		}
		m += x / n
		v += (x - 1) * (x - 1) / n
	}
	// I1(5)/I0(5) = 0.89338; variance of N(0, 0.4²) within two standard deviations: 0.16·0.77369.
	for _, k := range []struct {
		name      string
		got, want float64
	}{{"E cos vonMises", c, 0.89338}, {"E sin vonMises", s, 0}, {"E truncNormal", m, 1}, {"Var truncNormal", v, 0.16 * 0.77369}} {
		if math.Abs(k.got-k.want) > 0.003 {
			t.Errorf("%s = %.5f, want %.5f", k.name, k.got, k.want)
		}
	}
}

func TestSamplerGoldenStreams(t *testing.T) {
	r := newRand(42, streamWalk, 7)
	w := stepWalk{r: newRand(42, streamAgent, 0), heading: 1}
	p, q := w.next(), w.next()
	got := []float64{
		uniform(r, -1, 1), truncNormal(r, 1, 0.4, 0.8), vonMises(r, 5), vonMises(r, 5), p.X, p.Y, q.X, q.Y,
		float64(LayoutHeldOut.draw(r, Layout{}).WallX), freeStart(r, Layout{32, 18}).X,
	}
	want := []float64{
		-0.00323878307989278, 0.778540880321986, -0.0258127782470301, 0.123588215320283,
		0.855109014410329, 1.33175338446469, 0.542772674679571, 1.06696211990963, 25, 46.5273669100327,
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("draw %d = %.15g, want %.15g", i, got[i], want[i])
		}
	}
}

func TestStreamsAreIndependent(t *testing.T) {
	seen := map[uint64]string{}
	for seed := range uint64(20) {
		for s := streamWalk; s <= streamAgent; s++ {
			for i := range 50 {
				v := newRand(seed, s, i).Uint64()
				if _, ok := seen[v]; ok {
					t.Fatalf("seed %d stream %d item %d starts as another", seed, s, i)
				}
				seen[v] = ""
			}
		}
	}
	if len(seen) != 20*4*50 {
		t.Errorf("%d generators seen, want %d", len(seen), 20*4*50)
	}
}
