// Package trainlog is the log of a training, train.jsonl: a line a logged step, and the charts of its course.
package trainlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"foresee/probe"
	"foresee/report"
)

// Entry is one line of train.jsonl.
type Entry struct {
	Step      int                `json:"step"`       // counted over all stages
	Stage     string             `json:"stage"`      // pixels, latents, usual or displacement
	StageStep int                `json:"stage_step"` // counted from 0
	Loss      float32            `json:"loss"`
	Terms     map[string]float32 `json:"terms"`             // unweighted loss terms, copy ratio, gradient norms
	Monitor   *probe.Reading     `json:"monitor,omitempty"` // collapse monitors, where one was taken since the last line
}

// Read reads a train.jsonl. A last line that a crash cut short is left out;
// any other line that is not an entry is an error with its number.
func Read(path string) ([]Entry, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("train: log: %w", err)
	}
	var entries []Entry
	for line := range bytes.Lines(raw) {
		var e Entry
		if err := json.Unmarshal(line, &e); err == nil {
			entries = append(entries, e)
		} else if bytes.HasSuffix(line, []byte("\n")) {
			return nil, fmt.Errorf("train: log %s, line %d: %w", path, len(entries)+1, err)
		}
	}
	return entries, nil
}

// File is train.jsonl: one JSON object a logged step.
type File struct{ f *os.File }

// Open opens the log of that path for appending after dropping lines of step and later,
// which a resumed run writes again, and a last line that a crash cut short.
func Open(path string, step int) (*File, error) {
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("train: log: %w", err)
	}
	var kept bytes.Buffer
	for line := range bytes.Lines(old) {
		var entry struct {
			Step *int `json:"step"`
		}
		if json.Unmarshal(line, &entry) == nil && entry.Step != nil && *entry.Step < step {
			kept.Write(bytes.TrimSuffix(line, []byte("\n")))
			kept.WriteByte('\n')
		}
	}
	if !bytes.Equal(kept.Bytes(), old) {
		if err := report.ReplaceFile(path, kept.Bytes()); err != nil {
			return nil, fmt.Errorf("train: log: %w", err)
		}
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("train: log: %w", err)
	}
	return &File{f}, nil
}

// Write appends a line.
func (l *File) Write(e Entry) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	if _, err := l.f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	return nil
}

// Sync makes sure that all lines survive a crash.
func (l *File) Sync() error { return l.f.Sync() }

// Close syncs and closes the file.
func (l *File) Close() error { return errors.Join(l.f.Sync(), l.f.Close()) }
