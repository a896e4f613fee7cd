package watch

import (
	"encoding/json"
	"fmt"
	"io"

	"foresee/data"
)

// Record is what is said of one frame.
type Record struct {
	Time     float64  `json:"time"`              // seconds since the start of the recording
	Frame    int      `json:"frame"`             // number of the frame, from 0, over all episodes; dropped frames have numbers too
	Episode  int      `json:"episode,omitempty"` // number of the unbroken stretch of frames, from 0
	Surprise *float64 `json:"surprise"`          // latent prediction error; null without enough frames before
	Relative *float64 `json:"relative"`          // surprise over what was expected, of the cell where that is most, see the package; null while warming

	// At is the middle of that cell from the left and from the top, in shares of
	// the frame's width and height; null while warming and for a latent without cells.
	// Where an alarm within a budget begins it is the place that alarms, and left out if that is all of the picture.
	At *[2]float64 `json:"at,omitempty"`

	// P is the probability that a normal block is as unusual, and By, one of Statistics,
	// by what; none of both without a calibration. By is what passed its threshold if
	// something did.
	P       *float64 `json:"p,omitempty"`
	By      string   `json:"by,omitempty"`
	Warming bool     `json:"warming,omitempty"` // there is no relative surprise yet
	Alarm   bool     `json:"alarm"`             // relative is at or above the alarm factor, or by a calibration an alarm is under way
}

// Lines returns a function that writes a record to w as one line of JSON, in
// one call of w.Write, so that a line is whole or absent.
func Lines(w io.Writer) func(Record) error {
	return func(r Record) error {
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("watch: frame %d: %w", r.Frame, err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("watch: write the line of frame %d: %w", r.Frame, err)
		}
		return nil
	}
}

// EventRecord is the line of something that happened to the source.
type EventRecord struct {
	Event  string  `json:"event"`  // one of the kinds of data.Event
	Time   float64 `json:"time"`   // seconds, of the last frame before it
	Detail string  `json:"detail"` // in words
}

// EventLines returns a function that writes an event to w as one line of JSON,
// like Lines. Both may be used at once if w may.
func EventLines(w io.Writer) func(data.Event) error {
	return func(e data.Event) error {
		line, err := json.Marshal(EventRecord{e.Kind, e.Time.Seconds(), e.Detail})
		if err != nil {
			return fmt.Errorf("watch: event %s: %w", e.Kind, err)
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return fmt.Errorf("watch: write the line of event %s: %w", e.Kind, err)
		}
		return nil
	}
}
