package watch

import (
	"encoding/json"
	"fmt"
	"io"
)

// Record is what is said of one frame.
type Record struct {
	Time     float64  `json:"time"`              // seconds since the start of the recording
	Frame    int      `json:"frame"`             // number of the frame, from 0, over all episodes
	Episode  int      `json:"episode,omitempty"` // number of the unbroken stretch of frames, from 0
	Surprise *float64 `json:"surprise"`          // latent prediction error; null without enough frames before
	Relative *float64 `json:"relative"`          // surprise over what was expected; null while warming
	Warming  bool     `json:"warming,omitempty"` // there is no relative surprise yet
	Alarm    bool     `json:"alarm"`             // relative is at or above the alarm factor
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
