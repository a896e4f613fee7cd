package data_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"foresee/data"
)

const childEnv = "FORESEE_DATA_TEST_CHILD"

// TestMain lets the tests run this binary as a writer that they kill.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		writeForever(dir)
	}
	os.Exit(m.Run())
}

// writeForever appends until it is killed or the disk is full.
func writeForever(dir string) {
	limitFileSize(os.Getenv(childEnv + "_LIMIT"))
	w, err := data.Create(dir, testMeta())
	for i := 0; err == nil; i++ {
		if i == 100_000 {
			fmt.Println("ready")
		}
		err = w.Append(make([]uint8, 30), map[string][]float32{data.StateColumn: {1, 2}})
		if err == nil && i%10 == 9 {
			err = w.EndEpisode()
		}
	}
	fmt.Println(err)
	os.Exit(3)
}

func child(dir, limit string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir, childEnv+"_LIMIT="+limit)
	return cmd
}

func TestKillLeavesNoDataset(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "set")
	cmd := child(dir, "")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "ready\n" {
		t.Fatalf("the child said %q, %v", line, err)
	}
	running := names(t, parent)
	// A second writer leaves the folder of the living one alone.
	w, err := data.Create(dir, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, parent); len(running) != 1 || len(got) != 2 {
		t.Errorf("%q, then %q with a second writer; want one temporary folder, then two", running, got)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Fatalf("the dataset of a killed writer exists: %v", err)
	}
	// The next writer clears what the killed one left.
	w, err = data.Create(dir, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	appendEpisodes(t, w, 2)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, parent); !slices.Equal(got, []string{"set"}) {
		t.Errorf("left behind: %q", got)
	}
}

func TestFullDisk(t *testing.T) {
	parent := t.TempDir()
	out, err := child(filepath.Join(parent, "set"), "1000000").Output()
	if err == nil || !strings.Contains(string(out), "pixels.npy") || !strings.Contains(string(out), "data: write "+parent) {
		t.Errorf("the child ended with %v and said %q, want the file and the folder", err, out)
	}
	if got := names(t, parent); len(got) != 0 {
		t.Errorf("left behind: %q", got)
	}
}

func TestNothingBeforeClose(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "deep", "set")
	w, err := data.Create(dir, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	appendEpisodes(t, w, 3, 2)
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the dataset exists before Close: %v", err)
	}
	if err := w.Abort(); err != nil {
		t.Fatal(err)
	}
	if got := names(t, filepath.Dir(dir)); len(got) != 0 {
		t.Errorf("after Abort: %q", got)
	}
	wantError(t, w.Close(), "already closed")
}

func TestOutputFolderIsRespected(t *testing.T) {
	other := t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "thesis.tex"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, create := range []func(string, data.Meta) (*data.Writer, error){data.Create, data.Replace} {
		_, err := create(other, testMeta())
		wantError(t, err, other, "thesis.tex")
	}
	// A dataset with a stranger in it is not ours to delete.
	mixed := writeDataset(t, 2)
	if err := os.WriteFile(filepath.Join(mixed, "notes.txt"), []byte("x"), 0o666); err != nil {
		t.Fatal(err)
	}
	_, err := data.Replace(mixed, testMeta())
	wantError(t, err, mixed)

	dir := writeDataset(t, 2)
	_, err = data.Create(dir, testMeta())
	wantError(t, err, dir, "already holds a dataset")
	w, err := data.Replace(dir, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	appendEpisodes(t, w, 5)
	if got := openDataset(t, dir).Steps(); got != 2 {
		t.Errorf("before Close the old dataset has %d steps, want 2", got)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := openDataset(t, dir).Steps(); got != 5 {
		t.Errorf("after Close the new dataset has %d steps, want 5", got)
	}
	if got := names(t, filepath.Dir(dir)); !slices.Equal(got, []string{"set"}) {
		t.Errorf("left behind: %q", got)
	}

	empty := t.TempDir()
	w, err = data.Create(empty, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	appendEpisodes(t, w, 1)
	if err := w.Close(); err != nil {
		t.Errorf("an empty folder: %v", err)
	}
}

// TestTakenMeanwhile has the folder filled between Create and Close.
func TestTakenMeanwhile(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "set")
	w, err := data.Create(dir, testMeta())
	if err != nil {
		t.Fatal(err)
	}
	appendEpisodes(t, w, 1)
	if err := os.MkdirAll(filepath.Join(dir, "mine"), 0o777); err != nil {
		t.Fatal(err)
	}
	wantError(t, w.Close(), dir, "mine")
	if got := names(t, parent); !slices.Equal(got, []string{"set"}) {
		t.Errorf("left behind: %q", got)
	}
}

func TestWriterRefuses(t *testing.T) {
	create := func() *data.Writer {
		w, err := data.Create(filepath.Join(t.TempDir(), "set"), testMeta())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { w.Abort() })
		return w
	}
	frame := make([]uint8, 30)
	truth := map[string][]float32{data.StateColumn: {0, 0}}

	wantError(t, create().Close(), "nothing was written")
	wantError(t, create().EndEpisode(), "no steps")

	w := create()
	if err := w.Append(frame, map[string][]float32{data.StateColumn: {0, 0}, data.ActionColumn: {0, 1}}); err != nil {
		t.Fatal(err)
	}
	wantError(t, w.Close(), "action of its last step")

	w = create()
	mustPanic(t, "frame of 29 bytes", func() { w.Append(frame[1:], truth) })
	mustPanic(t, `"state" has a row of 0`, func() { w.Append(frame, nil) })
	mustPanic(t, `"action" has a row of 3`, func() {
		w.Append(frame, map[string][]float32{data.StateColumn: {0, 0}, data.ActionColumn: {1, 2, 3}})
	})
	mustPanic(t, "1 rows with names", func() {
		w.Append(frame, map[string][]float32{data.StateColumn: {0, 0}, "actoin": {1, 2}})
	})
	if err := w.Append(frame, truth); err != nil {
		t.Errorf("after recovered panics: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Errorf("after recovered panics: %v", err)
	}

	meta := testMeta()
	meta.Frame.Channels, meta.FPS, meta.Columns[0].Width = 0, -1, 0
	_, err := data.Create(filepath.Join(t.TempDir(), "set"), meta)
	wantError(t, err, "frame 3x5x0", "fps -1", "width 0")
}
