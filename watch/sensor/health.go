package sensor

import (
	"fmt"
	"math"
	"time"
)

// Kinds of events of a stream of readings.
const (
	EventDuplicate = "duplicate" // a time again: the reading is left out
	EventClockBack = "clock_back"
	EventGap       = "gap"     // more readings are missing than can be bridged
	EventMissing   = "missing" // a channel has no value
	EventBack      = "back"    // it has one again
	EventFrozen    = "frozen"  // a channel shows the same value for longer than it ever did in normal data
	EventMoves     = "moves"   // it moves again
)

// Event is something that happened to a stream, not to the plant.
type Event struct {
	Kind    string    `json:"event"`
	Time    time.Time `json:"time"`
	Channel string    `json:"channel,omitempty"`
	Detail  string    `json:"detail"` // in words
}

// tick is one reading on the grid of steps, ready to be scored.
type tick struct {
	at     time.Time
	x      []float64 // without NaN: what is missing holds the last value
	held   bool      // a channel is held
	breaks bool      // what came before is too far away to be context
	real   bool      // the stream had such a reading
}

// health puts a stream of rows on a grid of steps and says what is wrong with it.
type health struct {
	channels []string
	step     time.Duration
	runs     []int // longest run of equal readings of each channel in normal data; nil does not look for frozen ones
	event    func(Event)

	last    time.Time
	begun   bool
	values  []float64 // the last of each channel
	known   []bool    // there is one
	absent  []int     // readings in a row without one
	told    []bool    // that it is missing
	same    []int     // readings in a row with the same value
	frozen  []bool
	doubles int
	broken  bool
}

// bridge is how many readings in a row may be missing and still be held.
const bridge = 3

// freezeFactor says how many times longer than ever a run must be to be frozen.
const freezeFactor = 4

func newHealth(channels []string, step time.Duration, runs []int, event func(Event)) *health {
	c := len(channels)
	if event == nil {
		event = func(Event) {}
	}
	return &health{
		channels: channels, step: step, runs: runs, event: event,
		values: make([]float64, c), known: make([]bool, c), absent: make([]int, c), told: make([]bool, c), same: make([]int, c), frozen: make([]bool, c),
	}
}

// add takes a row and gives emit the ticks that come of it: none for a
// duplicate, several where readings are missing. emit must not keep tick.x.
func (h *health) add(r Row, emit func(tick)) {
	breaks := false
	if h.begun {
		switch gap := r.Time.Sub(h.last); {
		case gap == 0:
			if h.doubles++; h.doubles == 1 {
				h.event(Event{EventDuplicate, r.Time, "", fmt.Sprintf("line %d has the time of the one before; left out, like any that follow with it", r.Line)})
			}
			return
		case gap < 0:
			h.event(Event{EventClockBack, r.Time, "", fmt.Sprintf("line %d is %v before the one above it", r.Line, -gap)})
			breaks = true
		default:
			if n := int(math.Round(float64(gap)/float64(h.step))) - 1; n > bridge {
				h.event(Event{EventGap, r.Time, "", fmt.Sprintf("%d readings are missing before line %d", n, r.Line)})
				breaks = true
			} else {
				for i := range max(0, n) {
					h.emit(h.last.Add(time.Duration(i+1)*h.step), nil, false, emit)
				}
			}
		}
	}
	h.begun, h.last, h.doubles = true, r.Time, 0
	h.emit(r.Time, r.Values, breaks, emit)
}

// emit makes a tick of a row; values is nil for one that the stream left out.
func (h *health) emit(at time.Time, values []float64, breaks bool, emit func(tick)) {
	t := tick{at: at, x: h.values, breaks: breaks || h.broken, real: values != nil}
	complete := true
	for c := range h.channels {
		v := math.NaN()
		if values != nil {
			v = values[c]
		}
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			h.value(c, v, at)
			continue
		}
		t.held = true
		if h.absent[c]++; !h.told[c] && values != nil {
			h.told[c] = true
			h.event(Event{EventMissing, at, h.channels[c], "no value"})
		}
		if h.absent[c] > bridge || !h.known[c] {
			complete = false
		}
	}
	h.broken = !complete // until all channels are there again
	if complete {
		emit(t)
	}
}

// value takes a value of a channel.
func (h *health) value(c int, v float64, at time.Time) {
	if h.told[c] && h.absent[c] > 1 {
		h.event(Event{EventBack, at, h.channels[c], fmt.Sprintf("after %d readings without a value", h.absent[c])})
	}
	h.absent[c], h.told[c] = 0, false
	switch {
	case h.known[c] && v == h.values[c]:
		h.same[c]++
		if h.runs != nil && !h.frozen[c] && h.same[c]+1 > freezeFactor*max(5, h.runs[c]) {
			h.frozen[c] = true
			h.event(Event{EventFrozen, at, h.channels[c], fmt.Sprintf("%g for %d readings; in normal data at most %d", v, h.same[c]+1, h.runs[c])})
		}
	default:
		if h.frozen[c] {
			h.event(Event{EventMoves, at, h.channels[c], fmt.Sprintf("after %d readings of %g", h.same[c]+1, h.values[c])})
		}
		h.same[c], h.frozen[c] = 0, false
	}
	h.values[c], h.known[c] = v, true
}
