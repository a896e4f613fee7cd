package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"foresee/probe"
	"foresee/report"
)

// logFile is train.jsonl: one JSON object a logged step.
type logFile struct{ f *os.File }

// openLog opens the log for appending after dropping lines of step and later,
// which a resumed run writes again, and a last line that a crash cut short.
func openLog(dir string, step int) (*logFile, error) {
	path := filepath.Join(dir, LogFile)
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
	return &logFile{f}, nil
}

// LogEntry is one line of train.jsonl.
type LogEntry struct {
	Step      int                `json:"step"`       // counted over all stages
	Stage     string             `json:"stage"`      // pixels, latents or displacement
	StageStep int                `json:"stage_step"` // counted from 0
	Loss      float32            `json:"loss"`
	Terms     map[string]float32 `json:"terms"`             // unweighted loss terms, copy ratio, gradient norms
	Monitor   *probe.Reading     `json:"monitor,omitempty"` // collapse monitors, where one was taken since the last line
}

func (l *logFile) write(s *stage, global, step int, scalars []float32, reading *probe.Reading) error {
	entry := LogEntry{Step: global, Stage: s.name, StageStep: step, Loss: scalars[0], Terms: map[string]float32{}, Monitor: reading}
	for i, v := range scalars[1:] {
		entry.Terms[s.scalarName(i+1)] = v
	}
	line, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	if _, err := l.f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("train: log: %w", err)
	}
	return nil
}

// Close syncs and closes the file.
func (l *logFile) Close() error { return errors.Join(l.f.Sync(), l.f.Close()) }
