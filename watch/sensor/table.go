package sensor

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Row is one reading of all channels. A value that is NaN is missing.
type Row struct {
	Time   time.Time
	Values []float64 // [channels], the caller's to keep
	Line   int       // of the file, from 1
}

// Rows reads a stream of readings, CSV or JSON lines, row by row. It is for one
// goroutine at a time.
type Rows struct {
	channels []string
	next     func() (Row, error)
}

// Channels returns the names of the channels, the columns but for the time.
func (r *Rows) Channels() []string { return r.channels }

// Next returns the next row, or io.EOF after the last. Other errors name the
// line; after one there is no more.
func (r *Rows) Next() (Row, error) { return r.next() }

// timeNames are the columns that hold the time, in any case.
var timeNames = []string{"time", "timestamp", "datetime", "date", "ts"}

func isTime(name string) bool {
	return slices.Contains(timeNames, strings.ToLower(strings.TrimSpace(name)))
}

// missing are the cells of CSV that hold no value, in lower case.
var missing = []string{"", "nan", "null", "na", "n/a", "-", "none"}

// Read opens a stream of readings. The first byte tells the format: { begins JSON
// lines, anything else CSV with a header.
//
// One column or member, named time, timestamp, datetime, date or ts, holds the
// time: RFC 3339, "2006-01-02 15:04:05" taken as UTC, or Unix seconds,
// milliseconds from 1e11 on. Without one, rows are step apart from the Unix epoch
// on. All others are channels: numbers, where empty, NaN, null, NA and - are
// missing; infinite is missing too. JSON members are the channels of the first
// line, in the order of their names; one absent later is missing, a new one is an
// error. A cell that is no number, and a row of another width, are errors.
func Read(r io.Reader, step time.Duration) (*Rows, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	if bom, _ := b.Peek(3); bytes.Equal(bom, []byte("\ufeff")) {
		b.Discard(3)
	}
	for {
		c, err := b.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil, errors.New("sensor: there is nothing to read")
		case err != nil:
			return nil, fmt.Errorf("sensor: %w", err)
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		}
		b.UnreadByte()
		if c == '{' {
			return readJSON(b, step)
		}
		return readCSV(b, step)
	}
}

// clockless gives rows without a time one.
func clockless(n int, step time.Duration) time.Time {
	return time.Unix(0, 0).UTC().Add(time.Duration(n) * step)
}

func readCSV(b io.Reader, step time.Duration) (*Rows, error) {
	c := csv.NewReader(b)
	c.ReuseRecord, c.TrimLeadingSpace = true, true
	header, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("sensor: header: %w", err)
	}
	header = slices.Clone(header) // the record is used again
	at, names := -1, []string{}
	for i, name := range header {
		switch {
		case at < 0 && isTime(name):
			at = i
		case slices.Contains(names, strings.TrimSpace(name)):
			return nil, fmt.Errorf("sensor: header: column %q occurs twice", name)
		default:
			names = append(names, strings.TrimSpace(name))
		}
	}
	if len(names) == 0 {
		return nil, errors.New("sensor: header: there is no channel, only the time")
	}
	if _, err := strconv.ParseFloat(names[0], 64); err == nil {
		return nil, fmt.Errorf("sensor: header: the first line holds %q, want names of channels", names[0])
	}
	n := 0
	return &Rows{channels: names, next: func() (Row, error) {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return Row{}, io.EOF
		}
		if err != nil {
			return Row{}, fmt.Errorf("sensor: %w", err) // says the line
		}
		line, _ := c.FieldPos(0)
		row := Row{Line: line, Time: clockless(n, step), Values: make([]float64, 0, len(names))}
		n++
		for i, cell := range record {
			if i == at {
				if row.Time, err = parseTime(cell); err != nil {
					return Row{}, fmt.Errorf("sensor: line %d: %w", line, err)
				}
				continue
			}
			v, err := parseValue(cell)
			if err != nil {
				return Row{}, fmt.Errorf("sensor: line %d, channel %s: %w", line, header[i], err)
			}
			row.Values = append(row.Values, v)
		}
		return row, nil
	}}, nil
}

func parseValue(cell string) (float64, error) {
	cell = strings.TrimSpace(cell)
	if slices.Contains(missing, strings.ToLower(cell)) {
		return math.NaN(), nil
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, fmt.Errorf("%q is no number", cell)
	}
	if math.IsInf(v, 0) {
		return math.NaN(), nil
	}
	return v, nil
}

func parseTime(text string) (time.Time, error) {
	text = strings.TrimSpace(text)
	if v, err := strconv.ParseFloat(text, 64); err == nil {
		return unixTime(v)
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time, want RFC 3339, 2006-01-02 15:04:05 or Unix seconds", text)
}

// unixTime takes seconds, or milliseconds from 1e11 on.
func unixTime(v float64) (time.Time, error) {
	if math.IsNaN(v) || math.Abs(v) > 1e14 {
		return time.Time{}, fmt.Errorf("%g is no time", v)
	}
	if math.Abs(v) >= 1e11 {
		v /= 1000
	}
	whole, part := math.Modf(v)
	return time.Unix(int64(whole), int64(math.Round(part*1e9))).UTC(), nil
}

func readJSON(b *bufio.Reader, step time.Duration) (*Rows, error) {
	s := bufio.NewScanner(b)
	s.Buffer(nil, 4<<20)
	j := &jsonRows{s: s, step: step}
	first, err := j.members()
	if err != nil {
		return nil, err
	}
	for name := range first {
		if isTime(name) {
			if j.time != "" {
				return nil, fmt.Errorf("sensor: line 1: both %s and %s are times", j.time, name)
			}
			j.time = name
			continue
		}
		j.names = append(j.names, name)
	}
	slices.Sort(j.names)
	if len(j.names) == 0 {
		return nil, errors.New("sensor: line 1: there is no channel, only the time")
	}
	return &Rows{channels: j.names, next: func() (Row, error) {
		members := first
		if first = nil; members == nil {
			if members, err = j.members(); err != nil {
				return Row{}, err
			}
		}
		return j.row(members)
	}}, nil
}

// jsonRows reads JSON lines.
type jsonRows struct {
	s       *bufio.Scanner
	step    time.Duration
	time    string // name of the member that holds it
	names   []string
	line, n int
}

func (j *jsonRows) members() (map[string]json.RawMessage, error) {
	for j.s.Scan() {
		j.line++
		text := bytes.TrimSpace(j.s.Bytes())
		if len(text) == 0 {
			continue
		}
		var m map[string]json.RawMessage
		if err := json.Unmarshal(text, &m); err != nil {
			return nil, fmt.Errorf("sensor: line %d: %w", j.line, err)
		}
		return m, nil
	}
	if err := j.s.Err(); err != nil {
		return nil, fmt.Errorf("sensor: line %d: %w", j.line+1, err)
	}
	return nil, io.EOF
}

func (j *jsonRows) row(members map[string]json.RawMessage) (Row, error) {
	row := Row{Line: j.line, Time: clockless(j.n, j.step), Values: make([]float64, len(j.names))}
	j.n++
	if j.time != "" {
		raw, ok := members[j.time]
		if !ok {
			return Row{}, fmt.Errorf("sensor: line %d: there is no %s", j.line, j.time)
		}
		at, err := parseTime(strings.Trim(string(raw), `"`))
		if err != nil {
			return Row{}, fmt.Errorf("sensor: line %d: %w", j.line, err)
		}
		row.Time = at
		delete(members, j.time)
	}
	for i, name := range j.names {
		raw, ok := members[name]
		delete(members, name)
		row.Values[i] = math.NaN()
		if !ok {
			continue
		}
		v, err := parseValue(strings.Trim(string(raw), `"`))
		if err != nil {
			return Row{}, fmt.Errorf("sensor: line %d, channel %s: %w", j.line, name, err)
		}
		row.Values[i] = v
	}
	for name := range members {
		return Row{}, fmt.Errorf("sensor: line %d: channel %s was not in the first line", j.line, name)
	}
	return row, nil
}
