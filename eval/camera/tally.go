package camera

import (
	"fmt"
	"math"
	"strings"

	"foresee/report"
)

// begun is where an alarm began, and by which statistic.
type begun struct{ at, by int }

// tally counts events of one kind.
type tally struct {
	events, found int
	delays        []float64   // s, of those found
	by            map[int]int // events found by a statistic
}

// tallies counts events of all kinds, and what is alarmed for without one.
type tallies struct {
	fps             float64
	kinds           map[string]*tally
	all             *tally
	outside, alarms int // frames without an event, and alarms that began there
}

func newTallies(fps float64) *tallies {
	t := &tallies{fps: fps, kinds: map[string]*tally{}, all: &tally{by: map[int]int{}}}
	for _, kind := range eventKinds() {
		t.kinds[kind] = &tally{by: map[int]int{}}
	}
	return t
}

// add counts an event with the alarms that began in its part.
func (t *tallies) add(e event, alarmed []begun) {
	hit := begun{at: -1}
	for _, b := range alarmed {
		if b.at >= e.at && b.at < e.until {
			if hit.at < 0 {
				hit = b
			}
			continue
		}
		t.alarms++
	}
	t.outside += len(e.frames) - (e.until - e.at)
	if e.kind == clean {
		return
	}
	for _, x := range []*tally{t.kinds[e.kind], t.all} {
		x.events++
		if hit.at >= 0 {
			x.found++
			x.by[hit.by]++
			x.delays = append(x.delays, float64(hit.at-e.at)/t.fps)
		}
	}
}

// rows are what a detector found, of all events and of each kind.
func (t *tallies) rows(prefix string, statistics []string) []report.Row {
	rows := t.all.rows(prefix, statistics)
	for _, kind := range eventKinds() {
		rows = append(rows, t.kinds[kind].rows(prefix+kind+"/", statistics)...)
	}
	return rows
}

func (x *tally) rows(prefix string, statistics []string) []report.Row {
	delay := report.Row{Name: prefix + "delay", Value: math.NaN(), Unit: "s", N: len(x.delays), Note: "mean over those found"}
	if len(x.delays) > 0 {
		delay.Value = 0
		for _, d := range x.delays {
			delay.Value += d / float64(len(x.delays))
		}
	}
	return []report.Row{report.Ratio(prefix+"found", x.found, x.events, counts(statistics, x.by)), delay}
}

// counts says how many are due to each of several statistics; nothing of one without a name.
func counts(statistics []string, by map[int]int) string {
	var words []string
	for k, name := range statistics {
		words = append(words, fmt.Sprintf("%d by %s", by[k], name))
	}
	return strings.Join(words, ", ")
}
