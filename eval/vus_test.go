package eval

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Worked out by hand: with a buffer of 2 the neighbours of an event of one row
// weigh √½, so that P = (1 + 1 + 2·√½)/2 = 1 + √½.
func TestVUSPRByHand(t *testing.T) {
	h := math.Sqrt(0.5)
	one := []bool{false, false, true, false, false}
	cases := []struct {
		name   string
		scores []float64
		labels []bool
		most   int
		want   float64
	}{
		{"perfect, no buffer", []float64{1, 2, 9, 3, 0}, one, 0, 1},
		{"second, no buffer", []float64{1, 2, 5, 9, 0}, one, 0, 0.5},
		{"all alike, no buffer", []float64{4, 4, 4, 4, 4}, one, 0, 0.2},
		// buffers 0 and 2: 1, and at 9: R = 1/(1+h), precision 1; at 3: TP = 1+h, R = 1, precision (1+h)/2
		{"perfect, buffers 0 and 2", []float64{1, 2, 9, 3, 0}, one, 2, (1 + 1/(1+h) + (1-1/(1+h))*(1+h)/2) / 2},
		// a score one row late: buffer 0 gives 1/2; buffer 2: at 9 R = h/(1+h), precision h; at 5 R = 1, precision (1+h)/2
		{"late, buffers 0 and 2", []float64{1, 2, 5, 9, 0}, one, 2, (0.5 + h/(1+h)*h + (1-h/(1+h))*(1+h)/2) / 2},
		// two events, no buffer: at 9 one of two is touched, R = 1/2·1/2; at 3 R = 1, precision 2/3
		{"two events", []float64{9, 5, 0, 3}, []bool{true, false, false, true}, 0, 0.25 + 0.75*2/3},
	}
	for _, c := range cases {
		step := 2
		if got := VUSPR(c.scores, c.labels, c.most, step); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: %.6f, want %.6f", c.name, got, c.want)
		}
	}
	if !math.IsNaN(VUSPR([]float64{1, 2}, []bool{false, false}, 0, 1)) {
		t.Error("no event is worth a number")
	}
}

// TestVUSPRFavours wants order: sharp above late, late above chance.
func TestVUSPRFavours(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const n = 2000
	labels, sharp, late, chance := make([]bool, n), make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range n {
		labels[i] = i%500 >= 480
		sharp[i], late[i], chance[i] = r.Float64(), r.Float64(), r.Float64()
	}
	for i := range n {
		if labels[i] {
			sharp[i]++
		}
		if i >= 20 && labels[i-20] {
			late[i]++
		}
	}
	a, b, c := VUSPR(sharp, labels, 100, 10), VUSPR(late, labels, 100, 10), VUSPR(chance, labels, 100, 10)
	if !(a > b+0.1 && b > c+0.1) || a > 1 || c > 0.25 {
		t.Errorf("sharp %.3f, late %.3f, chance %.3f", a, b, c)
	}
}
