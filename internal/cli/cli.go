package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"
)

// Exit codes of the program.
const (
	ExitDone   = 0 // the command did what it was asked
	ExitFailed = 1 // it could not
	ExitUsage  = 2 // the arguments make no sense
	ExitNo     = 3 // it ran, and the answer is "no": a check failed, an alarm fired
)

// globals are the flags of every command.
type globals struct {
	JSON    bool             `name:"json" help:"Print one JSON document on stdout instead of text."`
	Backend string           `default:"cpu" placeholder:"NAME" help:"Compute backend: cpu, cpu:products=int16 or, in a build with it, xla:PLUGIN (${default})."`
	Threads int              `default:"0" placeholder:"N" help:"CPU threads to use; 0 = all."`
	Verbose bool             `short:"v" help:"Log details to stderr."`
	Version kong.VersionFlag `help:"Print the version and stop."`
}

// grammar is the whole command line. Each command is a struct in a file of its own.
type grammar struct {
	globals

	Collect   collectCmd   `cmd:"" help:"Record experience in a built-in world."`
	Import    importCmd    `cmd:"" help:"Make a dataset of videos, folders of images or GIFs."`
	Inspect   inspectCmd   `cmd:"" help:"Say what is in a dataset or a model."`
	Train     trainCmd     `cmd:"" help:"Learn a world model; resumes after a kill."`
	Eval      evalCmd      `cmd:"" help:"Put a model to the test: plan, probe, rollout, collapse, surprise."`
	Watch     watchCmd     `cmd:"" help:"Surprise on a live or recorded stream, one JSON line a frame."`
	Calibrate calibrateCmd `cmd:"" help:"Thresholds for a budget of false alarms, from normal data."`
	Report    reportCmd    `cmd:"" help:"Put results of many runs together: tables and figures."`
	TestAlarm testAlarmCmd `cmd:"" name:"test-alarm" help:"Try whether alarms reach their webhook."`
	Demo      demoCmd      `cmd:"" help:"Learn Two Rooms from pixels, plan, be surprised, and report."`
	Bench     benchCmd     `cmd:"" help:"Measure speed beside a peer."`
}

// Run runs foresee with args, the program's name left out, and returns its exit
// code. It reads and writes only the streams given to it, so that tests call it
// in-process. It returns soon after ctx ends, as failed; a command that writes a
// folder then leaves either the whole of it, or something to resume from, or
// nothing. While it runs, GOMAXPROCS follows --threads; one call at a time.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "foresee: internal error, please report it: %v\n%s", r, debug.Stack())
			code = ExitFailed
		}
	}()
	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, args: args}
	command, stop, err := a.parse(args)
	if stop {
		return ExitDone
	}
	if err != nil {
		return a.fail(usage(err))
	}
	if err := a.start(); err != nil {
		return a.fail(err)
	}
	if a.flags.Threads > 0 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(a.flags.Threads))
	}
	command.BindTo(ctx, (*context.Context)(nil))
	err = command.Run(a)
	if err != nil && ctx.Err() != nil {
		return a.fail(interrupted(err))
	}
	return a.fail(err)
}

// stopParsing leaves kong where it would end the process, after --help and --version.
type stopParsing struct{}

// parse reads the arguments; stop means that help or the version has been printed.
func (a *app) parse(args []string) (command *kong.Context, stop bool, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case stopParsing:
			stop = true
		default:
			panic(r)
		}
	}()
	var g grammar
	parser, err := kong.New(&g,
		kong.Name("foresee"),
		kong.Description("A world-model engine: learn from what a camera, a robot or a plant recorded, then expect, be surprised, plan."),
		kong.Writers(a.stdout, a.stderr),
		kong.Exit(func(int) { panic(stopParsing{}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.Vars{"version": "foresee " + Version(), "benches": benchNames()},
	)
	if err != nil {
		panic(fmt.Errorf("cli: the grammar is wrong: %w", err))
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err = parser.Parse(args)
	a.flags = g.globals
	return command, false, choices(err)
}

// choices adds to an error about a word that is no sub-command those that there are.
func choices(err error) error {
	var parse *kong.ParseError
	if !errors.As(err, &parse) || !strings.HasPrefix(err.Error(), "unexpected argument") {
		return err
	}
	var names []string
	if at := parse.Context.Selected(); at != nil {
		for _, n := range at.Children {
			names = append(names, n.Name)
		}
	}
	if len(names) == 0 {
		return err
	}
	return fmt.Errorf("%w; want one of %s", err, strings.Join(names, ", "))
}

// fail prints err, if there is one, and returns the exit code for it.
func (a *app) fail(err error) int {
	if err == nil {
		return ExitDone
	}
	var no *noError
	if errors.As(err, &no) {
		fmt.Fprintln(a.stderr, "foresee: no:", no.reason)
		return ExitNo
	}
	text := strings.TrimRight(err.Error(), "\n")
	var u *usageError
	if errors.As(err, &u) {
		fmt.Fprintf(a.stderr, "foresee: %s\nRun \"foresee --help\" for the commands and their flags.\n", text)
		return ExitUsage
	}
	fmt.Fprintln(a.stderr, "foresee:", text)
	return ExitFailed
}

// interrupted is the error of a command that ended because its context did:
// what it says beside that, such as where to resume, is kept.
func interrupted(err error) error {
	if errors.Is(err, context.Canceled) && err.Error() == context.Canceled.Error() {
		return errors.New("interrupted")
	}
	return fmt.Errorf("interrupted: %w", err)
}

// usageError marks an error as a mistake in the arguments.
type usageError struct{ err error }

func (u *usageError) Error() string { return u.err.Error() }
func (u *usageError) Unwrap() error { return u.err }

// usage marks err, nil included, as a mistake in the arguments.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &usageError{err}
}

// usagef is a mistake in the arguments, in words.
func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// noError is the answer "no" of a command that ran well.
type noError struct{ reason string }

func (n *noError) Error() string { return n.reason }

// answerNo makes a command end with exit code 3 and the reason.
func answerNo(format string, args ...any) error { return &noError{fmt.Sprintf(format, args...)} }
