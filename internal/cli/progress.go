package cli

import (
	"log/slog"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// logEvery is the pause between two progress lines where no terminal shows a bar.
const logEvery = 10 * time.Second

// progress shows how far a command is: a bar on a terminal, otherwise a log
// line every ten seconds and one at the end. Its methods may be called from
// several goroutines.
type progress struct {
	label string
	total int
	log   *slog.Logger
	bar   *progressbar.ProgressBar // nil where stderr is not a terminal

	mu     sync.Mutex // guards what follows
	done   int
	start  time.Time
	logged time.Time
}

// progress starts showing total units of work; total 0 means unknown.
func (a *app) progress(label string, total int) *progress {
	now := time.Now()
	p := &progress{label: label, total: total, log: a.log, start: now, logged: now}
	if isTerminal(a.stderr) {
		length := total
		if total <= 0 {
			length = -1 // a spinner
		}
		p.bar = progressbar.NewOptions(length,
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionSetDescription(label),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetWidth(30),
		)
	}
	return p
}

// Add counts n more units. note, if not empty, is shown beside the label: losses, rates.
func (p *progress) Add(n int, note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	if p.bar != nil {
		if note != "" {
			p.bar.Describe(p.label + " " + note)
		}
		_ = p.bar.Add(n) // the bar is decoration: a failure to draw it is not a failure
		return
	}
	if time.Since(p.logged) >= logEvery {
		p.line(note)
	}
}

// End takes the bar away, or writes the last line.
func (p *progress) End(note string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_ = p.bar.Finish()
	}
	p.line(note)
}

// line logs where the work stands; the caller holds mu.
func (p *progress) line(note string) {
	p.logged = time.Now()
	seconds := p.logged.Sub(p.start).Seconds()
	attrs := []any{"done", p.done}
	if p.total > 0 {
		attrs = append(attrs, "of", p.total)
	}
	if seconds > 0 {
		attrs = append(attrs, "per_second", float64(int(10*float64(p.done)/seconds))/10)
	}
	if note != "" {
		attrs = append(attrs, "note", note)
	}
	p.log.Info(p.label, attrs...)
}
