package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"foresee/report"
)

// result is what one in-process call of the program left behind.
type result struct {
	code           int
	stdout, stderr string
}

// call runs the program in this process.
func call(t *testing.T, args ...string) result {
	t.Helper()
	var out, errs bytes.Buffer
	code := Run(t.Context(), args, strings.NewReader(""), &out, &errs)
	return result{code, out.String(), errs.String()}
}

// want fails the test unless the call ended with code and wrote the fragments to stderr.
func (r result) want(t *testing.T, code int, stderr ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code = %d, want %d\nstdout: %s\nstderr: %s", r.code, code, r.stdout, r.stderr)
	}
	for _, s := range stderr {
		if !strings.Contains(r.stderr, s) {
			t.Errorf("stderr = %q, want it to say %q", r.stderr, s)
		}
	}
	if code != ExitDone && r.stdout != "" {
		t.Errorf("stdout of a failed call = %q, want nothing", r.stdout)
	}
}

func TestHelpAndVersion(t *testing.T) {
	for _, args := range [][]string{{}, {"--help"}} {
		r := call(t, args...)
		r.want(t, ExitDone)
		if !strings.Contains(r.stdout, "Usage: foresee") || r.stderr != "" {
			t.Errorf("foresee %v: stdout %q, stderr %q; want the usage on stdout alone", args, r.stdout, r.stderr)
		}
	}
	r := call(t, "--version")
	r.want(t, ExitDone)
	if want := "foresee " + Version() + "\n"; r.stdout != want {
		t.Errorf("--version prints %q, want %q", r.stdout, want)
	}
}

func TestUsageMistakes(t *testing.T) {
	call(t, "--bogus").want(t, ExitUsage, "--bogus", "foresee --help")
	call(t, "nonsense").want(t, ExitUsage, "nonsense")
	call(t, "inspect").want(t, ExitUsage, "path")
	call(t, "inspect", "x", "--backend", "abacus").want(t, ExitUsage, "abacus", "cpu")
	call(t, "inspect", "x", "--threads", "-1").want(t, ExitUsage, "--threads")
	call(t, "inspect", "x", "--threads", "many").want(t, ExitUsage, "--threads")
}

func TestThreadsAreGivenBack(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	call(t, "--threads", "1", "inspect", "nowhere").want(t, ExitFailed, "nowhere")
	if after := runtime.GOMAXPROCS(0); after != before {
		t.Errorf("GOMAXPROCS after the call = %d, want %d", after, before)
	}
}

func TestEndedContextIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errs bytes.Buffer
	code := Run(ctx, []string{"inspect", "nowhere"}, strings.NewReader(""), &out, &errs)
	if code != ExitFailed || !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("exit code %d, stderr %q; want 1 and \"interrupted\"", code, errs.String())
	}
}

func TestExitCodeOfErrors(t *testing.T) {
	for _, c := range []struct {
		err  error
		code int
		text string
	}{
		{nil, ExitDone, ""},
		{errors.New("disk full"), ExitFailed, "foresee: disk full\n"},
		{usagef("--size %d", 7), ExitUsage, "foresee: --size 7\n"},
		{fmt.Errorf("collect: %w", usagef("--size %d", 7)), ExitUsage, "foresee: collect: --size 7\n"},
		{answerNo("rank %d of 32", 3), ExitNo, "foresee: no: rank 3 of 32\n"},
	} {
		var errs bytes.Buffer
		a := &app{stderr: &errs}
		if code := a.fail(c.err); code != c.code {
			t.Errorf("exit code of %v = %d, want %d", c.err, code, c.code)
		}
		if !strings.HasPrefix(errs.String(), c.text) {
			t.Errorf("message of %v = %q, want %q first", c.err, errs.String(), c.text)
		}
	}
}

func TestDocument(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out, args: []string{"bench", "sgemm", "-o", "two words"}, flags: globals{JSON: true}}
	d := a.document(7, 12.5)
	d.Add(report.Row{Name: "bench/x", Value: 1, Unit: "s", N: 3})
	if err := a.print(d); err != nil {
		t.Fatal(err)
	}
	got, err := report.Decode(&out)
	if err != nil {
		t.Fatal(err)
	}
	if want := `foresee bench sgemm -o "two words"`; got.Command != want {
		t.Errorf("command = %q, want %q", got.Command, want)
	}
	if got.Seed != 7 || got.Machine.SgemmGFLOPS != 12.5 || got.Machine.Cores < 1 || got.Version != Version() || len(got.Rows) != 1 {
		t.Errorf("document = %+v", got)
	}
	d.Add(report.Row{Name: "bench/y", Value: 1})
	out.Reset()
	if err := a.print(d); err == nil || out.Len() != 0 {
		t.Errorf("print of a row without a unit: error %v, wrote %q; want an error and nothing", err, out.String())
	}
}

func TestOutputFolder(t *testing.T) {
	dir := t.TempDir()
	put := func(names ...string) string {
		t.Helper()
		d, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range names {
			if err := os.WriteFile(filepath.Join(d, n), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return d
	}
	model := put("config.json", "weights.safetensors")
	for _, c := range []struct {
		dir, kind string
	}{
		{filepath.Join(dir, "absent"), holdsNothing},
		{put(), holdsNothing},
		{put("meta.json", "pixels.npy", "action.npy"), holdsDataset},
		{put("meta.json"), holdsOther},
		{model, holdsModel},
		{put("thesis.txt"), holdsOther},
	} {
		got, err := holds(c.dir)
		if err != nil || got != c.kind {
			t.Errorf("holds(%s) = %q, %v; want %q", c.dir, got, err, c.kind)
		}
		err = freshOutput(c.dir)
		if c.kind == holdsNothing && err != nil {
			t.Errorf("freshOutput of a free folder: %v", err)
		}
		if c.kind != holdsNothing && (err == nil || !strings.Contains(err.Error(), c.dir) || !strings.Contains(err.Error(), c.kind)) {
			t.Errorf("freshOutput(%s) = %v; want an error that names the folder and %q", c.dir, err, c.kind)
		}
	}
	if err := outputFor(model, holdsModel); err != nil {
		t.Errorf("a model to continue is refused: %v", err)
	}
	file := filepath.Join(model, "config.json")
	if err := freshOutput(file); err == nil || !strings.Contains(err.Error(), "is a file") {
		t.Errorf("freshOutput of a file = %v, want an error that says so", err)
	}
}
