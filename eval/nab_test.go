package eval

import (
	"math"
	"testing"
)

// Golden values worked out by hand from the formula: s(-1) = 2/(1+e^-5)-1 = 0.986614298.
func TestNABRawByHand(t *testing.T) {
	std := NABProfiles()[0]
	s := func(y float64) float64 { return math.Tanh(-2.5 * y) } // 2·sigmoid(-5y)-1 in another form
	top := s(-1)
	windows := []NABWindow{{40, 49}}
	cases := []struct {
		name   string
		alarms []int
		want   float64
		count  NABCount
	}{
		{"none", nil, -1, NABCount{1, 0, 0}},
		{"first row", []int{40}, 1, NABCount{1, 1, 0}},
		{"middle", []int{45}, s(-0.5) / top, NABCount{1, 1, 0}},
		{"last row", []int{49}, s(-0.1) / top, NABCount{1, 1, 0}},
		{"twice counts the earlier", []int{45, 42}, s(-0.8) / top, NABCount{1, 1, 0}},
		{"in the probation", []int{0, 14}, -1, NABCount{1, 0, 0}},
		{"first row after the probation", []int{15}, -1 - 0.11, NABCount{1, 0, 1}},
		{"just after the window", []int{50}, -1 + 0.11*s(1./9), NABCount{1, 0, 1}},
		{"one width after", []int{58}, -1 + 0.11*s(1), NABCount{1, 0, 1}},
		{"far after", []int{76, 99}, -1 - 0.22, NABCount{1, 0, 2}},
		{"just below three widths", []int{75}, -1 + 0.11*s(26./9), NABCount{1, 0, 1}},
	}
	for _, c := range cases {
		alarms := make([]bool, 100)
		for _, i := range c.alarms {
			alarms[i] = true
		}
		got, count := NABRaw(NABSeries{alarms, windows}, std)
		if math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: raw = %.9f, want %.9f", c.name, got, c.want)
		}
		if count != c.count {
			t.Errorf("%s: count = %+v, want %+v", c.name, count, c.count)
		}
	}
}

func TestNABWindowInProbation(t *testing.T) {
	p := NABProfile{"", 1, 0.11, 2}
	alarms := make([]bool, 100)
	raw, count := NABRaw(NABSeries{alarms, []NABWindow{{2, 9}, {10, 20}, {60, 70}}}, p)
	if raw != -4 || count.Windows != 2 {
		t.Errorf("no alarm: raw %g, %d windows, want -4 and 2: the first window is not scored", raw, count.Windows)
	}
	alarms[15] = true // the sixth of 11 rows
	raw, _ = NABRaw(NABSeries{alarms, []NABWindow{{2, 9}, {10, 20}, {60, 70}}}, p)
	if want := math.Tanh(2.5*6./11)/math.Tanh(2.5) - 2; math.Abs(raw-want) > 1e-12 {
		t.Errorf("alarm at the first scored row: raw %g, want %g", raw, want)
	}
}

func TestNABScoreNormalised(t *testing.T) {
	for _, p := range NABProfiles() {
		var none, all, always []NABSeries
		for range 3 {
			w := []NABWindow{{300, 349}, {600, 649}}
			a, b, c := make([]bool, 1000), make([]bool, 1000), make([]bool, 1000)
			b[300], b[600] = true, true
			for i := range c {
				c[i] = true
			}
			none, all, always = append(none, NABSeries{a, w}), append(all, NABSeries{b, w}), append(always, NABSeries{c, w})
		}
		if got, _ := NABScore(none, p); got != 0 {
			t.Errorf("%s: no alarm scores %g, want 0", p.Name, got)
		}
		if got, _ := NABScore(all, p); math.Abs(got-100) > 1e-9 {
			t.Errorf("%s: perfect alarms score %g, want 100", p.Name, got)
		}
		if got, c := NABScore(always, p); got >= 0 || c.False != 3*750 {
			t.Errorf("%s: alarms all the time score %g with %d false, want below 0 and 2250", p.Name, got, c.False)
		}
	}
}

func TestNABProbation(t *testing.T) {
	for rows, want := range map[int]int{0: 0, 6: 0, 7: 1, 100: 15, 4032: 604, 5000: 750, 15902: 750} {
		if got := NABProbation(rows); got != want {
			t.Errorf("NABProbation(%d) = %d, want %d", rows, got, want)
		}
	}
}
