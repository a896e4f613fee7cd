package sensor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"foresee/surprise/alarm"
	"foresee/watch"
)

// Record is what is said of one reading.
type Record struct {
	Time       time.Time      `json:"time"`
	Reading    int            `json:"reading"`              // from 0; those between that are missing have numbers too
	Surprise   *float64       `json:"surprise"`             // of the model's kind; null where it cannot be said
	P          *float64       `json:"p,omitempty"`          // with a calibration: of a normal block reaching it
	Calibrated bool           `json:"calibrated,omitempty"` // P is counted, not extrapolated
	Alarm      bool           `json:"alarm"`                // one begins here
	Open       bool           `json:"open,omitempty"`       // one is under way
	Ends       bool           `json:"ends,omitempty"`       // it ended here
	Kind       string         `json:"kind,omitempty"`       // alarm.Fast or alarm.Slow
	Drift      float64        `json:"drift,omitempty"`      // from 1 on the baseline is out of date
	Why        []alarm.Cause  `json:"why,omitempty"`        // of an alarm: channels, the largest share first
	Nearest    *alarm.Nearest `json:"nearest,omitempty"`    // of an alarm: the normal window most like this one
}

// Live follows one stream with a model. It is for one goroutine at a time.
type Live struct {
	m       *Model
	judge   *alarm.Judge
	expect  expectation
	health  *health
	order   []int // of the model's channels in the stream's rows
	row     []float64
	x       []float64
	reading int
	emit    func(Record) error
	err     error
	latency watch.Latency
}

// NewLive returns a follower of a stream with these channels; judge may be nil,
// and then nothing is alarmed. A channel of the model that the stream lacks is an
// error; others are ignored. event, which may be nil, hears what happens to the
// stream; emit takes what is said of each reading.
func NewLive(m *Model, judge *alarm.Judge, channels []string, event func(Event), emit func(Record) error) (*Live, error) {
	l := &Live{m: m, judge: judge, expect: m.start(), emit: emit, row: make([]float64, len(m.Channels)), x: make([]float64, len(m.Channels))}
	var lack []string
	for _, name := range m.Channels {
		i := slices.Index(channels, name)
		if l.order = append(l.order, i); i < 0 {
			lack = append(lack, name)
		}
	}
	if len(lack) > 0 {
		return nil, fmt.Errorf("sensor: the stream has no channel %s, only %s", strings.Join(lack, ", "), strings.Join(channels, ", "))
	}
	l.health = newHealth(m.Channels, m.step(), m.Runs, event)
	return l, nil
}

// Observe takes the next row of the stream and says what there is to say of it,
// and of readings that are missing before it. The error is that of emit.
func (l *Live) Observe(r Row) error {
	began := time.Now()
	for i, from := range l.order {
		l.row[i] = r.Values[from]
	}
	said := false
	l.health.add(Row{r.Time, l.row, r.Line}, func(t tick) {
		if l.err == nil {
			said = said || t.real
			l.err = l.say(t)
		}
	})
	if !said && l.err == nil && !l.health.last.After(r.Time) && l.health.doubles == 0 {
		l.err = l.emit(Record{Time: r.Time, Reading: l.reading}) // a channel is missing for too long
		l.reading++
	}
	l.latency.Add(time.Since(began))
	return l.err
}

// say scores a tick.
func (l *Live) say(t tick) error {
	if t.breaks {
		l.expect.restart()
		if l.judge != nil {
			l.judge.Break()
		}
	}
	l.m.standard(t.x, l.x)
	score, known := l.expect.observe(l.x, t.held)
	rec := Record{Time: t.at, Reading: l.reading}
	l.reading++
	if !known || !t.real {
		return l.emit(rec)
	}
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return fmt.Errorf("sensor: reading %d: the surprise is %g", rec.Reading, score)
	}
	rec.Surprise = &score
	if l.judge == nil {
		return l.emit(rec)
	}
	v, err := l.judge.Observe(t.at, score)
	if err != nil {
		return fmt.Errorf("sensor: reading %d: %w", rec.Reading, err)
	}
	rec.P, rec.Calibrated, rec.Alarm, rec.Open, rec.Ends, rec.Kind, rec.Drift = &v.P, v.Calibrated, v.Alarm, v.Open, v.Ends, v.Kind, v.Drift
	if v.Alarm {
		rec.Why, rec.Nearest = l.why(), l.expect.nearest()
	}
	return l.emit(rec)
}

// why returns the channels by their share.
func (l *Live) why() []alarm.Cause {
	share := make([]float64, len(l.m.Channels))
	l.expect.causes(share)
	causes := make([]alarm.Cause, len(share))
	for i, s := range share {
		causes[i] = alarm.Cause{Name: l.m.Channels[i], Share: s}
	}
	slices.SortStableFunc(causes, func(a, b alarm.Cause) int {
		switch {
		case a.Share > b.Share:
			return -1
		case a.Share < b.Share:
			return 1
		}
		return 0
	})
	return causes
}

// Rank returns the participation ratio of the latents of the last readings, up to
// the number of the latent's dimensions; NaN for a model without latents and while
// there are too few readings.
func (l *Live) Rank() float64 {
	if s, ok := l.expect.(*forecasting); ok {
		return s.rank()
	}
	return math.NaN()
}

// Latency returns the times from a row to what was said of it.
func (l *Live) Latency() *watch.Latency { return &l.latency }

// Follow observes every row until the last. An error of the stream, the end of
// ctx, and the error of emit end it.
func (l *Live) Follow(ctx context.Context, rows *Rows) error {
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.Observe(r); err != nil {
			return err
		}
	}
}

// Scores returns the surprise of every reading of a recording that has one, and
// when they were.
func Scores(m *Model, t *Table, event func(Event)) (scores []float64, at []time.Time, err error) {
	l, err := NewLive(m, nil, t.Channels, event, func(r Record) error {
		if r.Surprise != nil {
			scores, at = append(scores, *r.Surprise), append(at, r.Time)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for _, r := range t.Rows {
		if err := l.Observe(r); err != nil {
			return nil, nil, err
		}
	}
	return scores, at, nil
}

// Lines returns a function that writes a record, or an event, to w as one line of
// JSON in one call of Write.
func Lines[T Record | Event](w io.Writer) func(T) error {
	return func(r T) error {
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("sensor: %w", err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("sensor: write a line: %w", err)
		}
		return nil
	}
}
