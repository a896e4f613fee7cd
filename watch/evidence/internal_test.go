package evidence

import (
	"image"
	"image/color"
	"math"
	"testing"
	"time"
)

// TestScaleIsFixed: the colour of a p-value is its own, whatever else is in the
// picture; ordinary cells have none.
func TestScaleIsFixed(t *testing.T) {
	for p, want := range map[float64]color.NRGBA{
		1: {}, 0.5: {}, 0.01: {}, 0.0099: {255, 221, 87, 90}, 0.001: {255, 221, 87, 90}, 0.00099: {255, 160, 0, 130},
		0.00009: {230, 30, 30, 150}, 0.9e-6: {200, 0, 160, 180}, 0: {200, 0, 160, 180},
	} {
		if got := inkOf(p); got != want {
			t.Errorf("p = %g is %v, want %v", p, got, want)
		}
	}
	gray := func() *image.RGBA {
		img := image.NewRGBA(image.Rect(0, 0, 60, 40))
		for i := range img.Pix {
			img.Pix[i] = 100 | uint8(i%4/3*255)
		}
		return img
	}
	plain, hot := gray(), gray()
	heat(plain, []float64{0.02, 0.3, 1, 0.011, 0.5, 0.4}, 2, 3)
	heat(hot, []float64{0.02, 0.3, 1, 0.011, 1e-9, 0.4}, 2, 3)
	for y := range 40 {
		for x := range 60 {
			if plain.RGBAAt(x, y) != gray().RGBAAt(x, y) {
				t.Fatalf("an ordinary picture is coloured at %d, %d", x, y)
			}
			if changed, want := hot.RGBAAt(x, y) != plain.RGBAAt(x, y), x >= 20 && x < 40 && y >= 20; changed != want {
				t.Fatalf("pixel %d, %d coloured: %v, want %v: cell (1, 1) alone", x, y, changed, want)
			}
		}
	}
}

// TestSampleIsFair offers numbers to the sample: each is kept as often.
func TestSampleIsFair(t *testing.T) {
	const offers, runs = 3000, 200
	early := 0
	for seed := range uint64(runs) {
		n := newNormal(seed)
		for i := range offers {
			n.addMoment(i, time.Duration(i), []uint8{1}, []float32{float32(i)})
		}
		if len(n.moments) != keptMoments {
			t.Fatalf("%d moments, want %d", len(n.moments), keptMoments)
		}
		for _, m := range n.moments {
			if m.number < offers/4 {
				early++
			}
		}
	}
	// a quarter of 300·200, std about sqrt(60000·3/16·0.9) = 100
	if want := keptMoments * runs / 4; math.Abs(float64(early-want)) > 500 {
		t.Errorf("%d of %d kept are of the first quarter, want about %d", early, keptMoments*runs, want)
	}
}

// TestNearestAndPValues compares with what is plain to see.
func TestNearestAndPValues(t *testing.T) {
	n := newNormal(1)
	if _, ok := n.pValues([]float64{1}); ok {
		t.Error("p-values of nothing")
	}
	for i := range 100 {
		n.addMoment(i, time.Duration(i)*time.Second, []uint8{uint8(i)}, []float32{float32(i), 0})
		cells := make([]float64, 50)
		for k := range cells {
			cells[k] = 0.5 + float64((i*50+k)*379%5000)/5000
		}
		n.addCells(cells)
	}
	m, d, ok := n.nearest([]float32{41.2, 2}, 90)
	if !ok || m.number != 41 || m.pixels[0] != 41 || m.time != 41*time.Second || math.Abs(d-(0.04+4)/2) > 1e-4 {
		t.Errorf("nearest is %d at distance %g, %v; want 41 at 2.02", m.number, d, ok)
	}
	if m, _, _ := n.nearest([]float32{99, 0}, 50); m.number != 49 {
		t.Errorf("nearest before 50 is %d, want 49", m.number)
	}
	p, ok := n.pValues([]float64{0.1, 1.0, 1.45, 30})
	if !ok || p[0] < 0.99 || math.Abs(p[1]-0.5) > 0.05 || math.Abs(p[2]-0.05) > 0.02 || p[3] > 1e-4 {
		t.Errorf("p-values %v of scores below all, in the middle, at 95 %% and far beyond", p)
	}
}
