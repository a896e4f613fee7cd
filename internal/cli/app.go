package cli

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"foresee/jepa"
	"foresee/report"

	"golang.org/x/term"
)

// app is what a command gets besides its own flags: the streams, the flags of
// every command and a logger. It is used by one goroutine unless a method says
// otherwise.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	args           []string // as given, for the record in a document
	flags          globals
	log            *slog.Logger // writes to stderr; safe for concurrent use
}

// start checks the flags of every command and opens the log.
func (a *app) start() error {
	if err := jepa.CheckBackend(a.flags.Backend); err != nil {
		return usagef("--backend: %w", err)
	}
	if a.flags.Threads < 0 {
		return usagef("--threads %d: want 0 (all) or more", a.flags.Threads)
	}
	options := &slog.HandlerOptions{}
	if a.flags.Verbose {
		options.Level = slog.LevelDebug
	}
	if isTerminal(a.stderr) { // people read it as it happens; a file wants the time
		options.ReplaceAttr = func(groups []string, at slog.Attr) slog.Attr {
			if len(groups) == 0 && (at.Key == slog.TimeKey || at.Key == slog.LevelKey && at.Value.String() == "INFO") {
				return slog.Attr{}
			}
			return at
		}
	}
	a.log = slog.New(slog.NewTextHandler(a.stderr, options))
	return nil
}

// isTerminal reports whether a person sees w as it is written.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// document returns an empty document for the command that runs. sgemm is the
// machine's matrix-product rate in GFLOP/s if the command measured it, else 0.
func (a *app) document(seed uint64, sgemm float64) report.Document {
	words := make([]string, 0, len(a.args)+1)
	words = append(words, "foresee")
	for _, w := range a.args {
		if w == "" || strings.ContainsAny(w, " \t\n\"'\\$`*?&|;<>(){}[]#~!") {
			w = strconv.Quote(w)
		}
		words = append(words, w)
	}
	return report.Document{
		Command: strings.Join(words, " "),
		Version: Version(),
		Seed:    seed,
		Machine: report.ThisMachine(sgemm),
	}
}

// print writes the document to stdout, as JSON under --json and else as a
// table. A document that breaks report's rules is an error, not printed.
func (a *app) print(d report.Document) error {
	if err := d.Validate(); err != nil {
		return err
	}
	if a.flags.JSON {
		return d.Encode(a.stdout)
	}
	return d.WriteText(a.stdout)
}

// sayf writes a line of text to stdout; under --json, where stdout holds one
// document and nothing else, it goes to the log.
func (a *app) sayf(format string, args ...any) {
	if a.flags.JSON {
		a.log.Info(fmt.Sprintf(format, args...))
		return
	}
	fmt.Fprintf(a.stdout, format+"\n", args...)
}

// Version returns the version of the program as the Go tool recorded it: a tag,
// or "devel" with the commit and "+dirty" for a changed tree.
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	version := "devel"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			version += "-" + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			version += "+dirty"
		}
	}
	return version
}
