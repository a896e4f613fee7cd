package eval

import (
	"context"
	"fmt"
	"os"
	"testing"

	"foresee/watch/sensor"
)

func one(f func() sensor.Scorer) func() []sensor.Scorer {
	return func() []sensor.Scorer { return []sensor.Scorer{f()} }
}

func TestNABIdeas(t *testing.T) {
	dir := os.Getenv("FORESEE_NAB")
	if dir == "" {
		t.Skip("FORESEE_NAB is not set to a folder in NAB's layout")
	}
	sum := func(span int, f ...func() sensor.Scorer) func() []sensor.Scorer {
		return func() []sensor.Scorer {
			c := &sensor.Combine{Span: span}
			for _, g := range f {
				c.Scorers = append(c.Scorers, g())
			}
			return []sensor.Scorer{c}
		}
	}
	nov := func() sensor.Scorer { return &sensor.Novelty{} }
	gau := func() sensor.Scorer { return &sensor.Gaussian{} }
	jep := func() sensor.Scorer { return &sensor.JEPA{} }
	ewm := func() sensor.Scorer { return &sensor.EWMA{} }
	rel := func(f ...func() sensor.Scorer) func() []sensor.Scorer {
		return func() []sensor.Scorer {
			c := &sensor.Combine{Relative: true}
			for _, g := range f {
				c.Scorers = append(c.Scorers, g())
			}
			return []sensor.Scorer{c}
		}
	}
	at := func(lags, octaves int) func() sensor.Scorer {
		return func() sensor.Scorer { return &sensor.Novelty{Lags: lags, Octaves: octaves} }
	}
	with := func(n sensor.Novelty) func() []sensor.Scorer {
		return one(func() sensor.Scorer { c := n; return &c })
	}
	none := sensor.Config{}
	ds := append(nabDetectors(), []nabDetector{
		{"novelty+phase", none, with(sensor.Novelty{Phase: 1})},
		{"novelty-squash", none, with(sensor.Novelty{Squash: true})},
		{"two-spans", none, func() []sensor.Scorer { return []sensor.Scorer{at(1, 4)(), at(8, 4)()} }},
		{"novelty+gaussian", none, func() []sensor.Scorer { return []sensor.Scorer{nov(), gau()} }},
		{"novelty-block-20", sensor.Config{Block: 20}, one(nov)},
		{"novelty-keep-1000", sensor.Config{Keep: 1000}, one(nov)},
		{"novelty-local", none, with(sensor.Novelty{Local: true})},
		{"sum-novelty-gaussian", none, sum(1, nov, gau)},
		{"sum-novelty-jepa", none, sum(1, nov, jep)},
		{"sum-four", none, sum(1, nov, gau, jep, ewm)},
		{"novelty-span-8", none, sum(8, nov)},
		{"raw", none, with(sensor.Novelty{Raw: true})},
		{"raw-k1", none, with(sensor.Novelty{Raw: true, K: 1})},
		{"raw-diagonal", none, with(sensor.Novelty{Raw: true, Whiten: 1})},
		{"whiten", none, with(sensor.Novelty{Whiten: 2})},
		{"octaves-6", none, one(at(4, 6))},
		{"relative-three-spans", none, rel(at(1, 4), at(4, 4), at(8, 4))},
		{"relative-novelty-gaussian", none, rel(nov, gau)},
		{"relative-novelty-jepa", none, rel(nov, jep)},
		{"adapt-novelty+phase", sensor.Config{Adapt: 1}, with(sensor.Novelty{Phase: 1})},
		{"adapt-relative-novelty-gaussian", sensor.Config{Adapt: 1}, rel(nov, gau)},
		{"adapt-keep-1000", sensor.Config{Keep: 1000, Adapt: 1}, one(nov)},
		{"adapt-gaussian", sensor.Config{Adapt: 1}, one(gau)},
	}...)
	rows, err := nab(context.Background(), NABConfig{Dir: dir}, ds)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		fmt.Printf("%-45s %6.1f  %s\n", r.Name, r.Value, r.Note)
	}
}
