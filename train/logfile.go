package train

import (
	"foresee/probe"
	"foresee/report"
	"foresee/train/internal/trainlog"
)

// LogEntry is one line of train.jsonl.
type LogEntry = trainlog.Entry

// ReadLog reads a train.jsonl. A last line that a crash cut short is left out;
// any other line that is not an entry is an error with its number.
func ReadLog(path string) ([]LogEntry, error) { return trainlog.Read(path) }

// LossCharts draws, for each stage of a log, the loss and its terms; values of 0
// and below have no place on the logarithmic axis.
func LossCharts(entries []LogEntry) []report.Chart { return trainlog.Loss(entries) }

// logEntry is the line of a step of a stage, global counted over all stages.
func (s *stage) logEntry(global, step int, scalars []float32, reading *probe.Reading) LogEntry {
	entry := LogEntry{Step: global, Stage: s.name, StageStep: step, Loss: scalars[0], Terms: map[string]float32{}, Monitor: reading}
	for i, v := range scalars[1:] {
		entry.Terms[s.scalarName(i+1)] = v
	}
	return entry
}
