package data

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
)

// FormatVersion is the version of the dataset folder that this package writes.
// [Open] reads this version and refuses newer ones.
const FormatVersion = 1

// Names of the files and columns that have a fixed meaning.
const (
	metaFile     = "meta.json"
	lockFile     = "lock"
	colPixels    = "pixels"
	colEpLen     = "ep_len"
	colEpOffset  = "ep_offset"
	ActionColumn = "action" // action taken at a step, [S, A]
	StateColumn  = "state"  // privileged: position of the agent (x, y)
	LayoutColumn = "layout" // privileged: layout of the world (wall_x, door_y)
)

// Limits on what a meta.json may claim, so that sizes never overflow.
const (
	maxSide    = 1 << 16
	maxWidth   = 1 << 24
	maxColumns = 1 << 10
	maxMeta    = 16 << 20
)

// Float32 is the element type of every column besides pixels.
const Float32 DType = "float32"

// A DType names the element type of a column as numpy does.
type DType string

// A Frame is the shape of one picture, [Height, Width, Channels]. All zero means
// that the dataset has no pixels.
type Frame struct {
	Height   int `json:"height"`
	Width    int `json:"width"`
	Channels int `json:"channels"`
}

// Size returns the bytes of one frame.
func (f Frame) Size() int { return f.Height * f.Width * f.Channels }

// A ColumnMeta describes one column besides pixels. An empty Type means
// [Float32]. Privileged columns are reachable by [Dataset.Privileged] alone;
// columns named state or layout must be privileged, and action must not.
type ColumnMeta struct {
	Name       string `json:"name"`
	Type       DType  `json:"dtype"`
	Width      int    `json:"width"` // floats of one row
	Privileged bool   `json:"privileged,omitempty"`
}

// Meta is the content of meta.json. Format, Steps and Episodes are set by the
// [Writer]; the caller of [Create] leaves them zero.
type Meta struct {
	Format    int          `json:"format"`
	Name      string       `json:"name"`
	Frame     Frame        `json:"frame"`
	FPS       float64      `json:"fps"` // steps a second; 0 = no clock
	Steps     int          `json:"steps"`
	Episodes  int          `json:"episodes"`
	Columns   []ColumnMeta `json:"columns"`             // without pixels, ep_len and ep_offset
	Source    string       `json:"source,omitempty"`    // where the frames came from
	Generator string       `json:"generator,omitempty"` // the command or program that wrote it
	Seed      uint64       `json:"seed"`
}

// DecodeMeta reads a meta.json. Unknown fields, a newer format and values out
// of range are errors that name the field.
func DecodeMeta(text []byte) (Meta, error) {
	var version struct {
		Format *int `json:"format"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return Meta{}, fmt.Errorf("not valid JSON for a dataset: %w", err)
	}
	switch {
	case version.Format == nil:
		return Meta{}, errors.New(`field "format" is missing: not a foresee dataset`)
	case *version.Format > FormatVersion:
		return Meta{}, fmt.Errorf("format %d is newer than %d, the newest this program reads: update foresee", *version.Format, FormatVersion)
	case *version.Format < 1:
		return Meta{}, fmt.Errorf("format %d does not exist", *version.Format)
	}
	var m Meta
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Meta{}, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return Meta{}, errors.New("more text after the closing brace")
	}
	if m.Steps < 1 || m.Episodes < 1 || m.Episodes > m.Steps {
		return Meta{}, fmt.Errorf("%d steps in %d episodes: want at least one of each, and no empty episode", m.Steps, m.Episodes)
	}
	return m, m.validate()
}

// encode returns the text of meta.json.
func (m Meta) encode() ([]byte, error) {
	text, err := json.MarshalIndent(m, "", "  ")
	return append(text, '\n'), err
}

var columnName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// validate reports every fault of the fields that the caller of Create sets.
func (m Meta) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	f := m.Frame
	if f != (Frame{}) && (min(f.Height, f.Width, f.Channels) < 1 || max(f.Height, f.Width, f.Channels) > maxSide) {
		fault("frame %dx%dx%d: each of height, width and channels must be in [1, %d], or all 0 for no pixels", f.Height, f.Width, f.Channels, maxSide)
	}
	if f == (Frame{}) && len(m.Columns) == 0 {
		fault("neither frames nor columns")
	}
	if !(m.FPS >= 0) || math.IsInf(m.FPS, 0) {
		fault("fps %v: want a finite number >= 0", m.FPS)
	}
	if len(m.Columns) > maxColumns {
		fault("%d columns: at most %d", len(m.Columns), maxColumns)
	}
	seen := map[string]bool{colPixels: true, colEpLen: true, colEpOffset: true}
	for _, c := range m.Columns {
		switch {
		case !columnName.MatchString(c.Name):
			fault("column %q: a name is a-z, 0-9 and _, starting with a letter", c.Name)
		case seen[c.Name]:
			fault("column %q: listed twice, or a reserved name", c.Name)
		}
		seen[c.Name] = true
		if c.Type != Float32 {
			fault("column %q: dtype %q is not supported, only %q", c.Name, c.Type, Float32)
		}
		if c.Width < 1 || c.Width > maxWidth {
			fault("column %q: width %d is not in [1, %d]", c.Name, c.Width, maxWidth)
		}
		hidden := c.Name == StateColumn || c.Name == LayoutColumn
		if hidden && !c.Privileged {
			fault("column %q: must be marked privileged", c.Name)
		}
		if c.Name == ActionColumn && c.Privileged {
			fault("column %q: must not be privileged", c.Name)
		}
	}
	return errors.Join(errs...)
}
