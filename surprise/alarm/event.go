package alarm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// States of an event.
const (
	Begins = "begins" // an alarm begins
	Ends   = "ends"   // it ended
	Test   = "test"   // nobody is in danger: somebody tries whether alarms arrive
)

// Event is what is sent of an alarm. It is plain JSON.
type Event struct {
	ID         string    `json:"id"`                  // the same for the same alarm of the same stream, from run to run
	State      string    `json:"state"`               // Begins, Ends or Test
	Stream     string    `json:"stream"`              // what was watched
	Time       time.Time `json:"time"`                // of the reading or frame
	Kind       string    `json:"kind,omitempty"`      // Fast, Slow or Plain
	Statistic  string    `json:"statistic,omitempty"` // that passed its threshold, where there are several
	Score      float64   `json:"score"`               // surprise, of that statistic; of a plain alarm over what was expected
	P          float64   `json:"p"`                   // p-value of a block; 1 if there is none: Plain, Test
	Calibrated bool      `json:"calibrated"`          // false: P is extrapolated, or there is none
	Threshold  float64   `json:"threshold"`           // score from which there is a fast alarm, or a plain one
	Budget     string    `json:"budget"`              // "1/day"; "" of a plain alarm
	Why        []Cause   `json:"why,omitempty"`       // the largest first
	Nearest    *Nearest  `json:"nearest"`             // null if none was looked for
	Files      []string  `json:"files,omitempty"`     // pictures, clips, pages
}

// Cause is a channel or a place that an alarm is from.
type Cause struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"` // of the score, all at most 1 together
}

// Nearest is the normal moment most like the alarm's.
type Nearest struct {
	Name     string  `json:"name"`     // where it is from, in words: a time, a frame
	Distance float64 `json:"distance"` // to the alarm's, in the unit of the watcher
	Usual    float64 `json:"usual"`    // that distance between normal moments, the median
}

// ID returns the identity of an alarm or of its end, the first 32 hexadecimal
// digits of a SHA-256 over stream, moment and state, by which a receiver knows
// one that comes twice.
func ID(stream string, at time.Time, state string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %s %s", stream, at.UTC().Format(time.RFC3339Nano), state))
	return hex.EncodeToString(sum[:16])
}
