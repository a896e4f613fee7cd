package train_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"foresee/jepa"
	"foresee/train"
)

// While a process trains in a folder no other does, nor a second run of the same
// process; a killed one leaves the folder free, with its last checkpoint.
func TestOneRunAFolder(t *testing.T) {
	d, out := rooms(t), filepath.Join(t.TempDir(), "model")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childOut+"="+out, childData+"="+d.Dir(), childHold+"=pixels:7")
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	kill := func() {
		if !killed {
			killed = true
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	defer kill()
	if line, err := bufio.NewReader(pipe).ReadString('\n'); line != "held\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	state := read(t, filepath.Join(out, train.StateFile))
	_, err = run(t, train.Options{Data: d, Out: out, Config: small(d)})
	wantError(t, err, out, fmt.Sprintf("(pid %d)", cmd.Process.Pid), "another -o")
	if !errors.Is(err, jepa.ErrLocked) {
		t.Errorf("%v is not ErrLocked", err)
	}
	if string(read(t, filepath.Join(out, train.StateFile))) != string(state) {
		t.Error("the refused run changed the checkpoint")
	}
	kill()
	var j journal
	var inner error
	mustRun(t, train.Options{Data: d, Out: out, Config: small(d), Log: j.logger(), Progress: func(p train.Progress) {
		if p.Stage == "displacement" && inner == nil {
			_, inner = run(t, train.Options{Data: d, Out: out, Config: small(d)})
		}
	}})
	wantError(t, inner, fmt.Sprintf("(pid %d)", os.Getpid()))
	if got := resumedAt(t, &j); got != 6 {
		t.Errorf("resumed at step %d, want 6", got)
	}
	if string(weights(t, out)) != string(reference(t, d)) {
		t.Error("the resumed run has other weights than the undisturbed one")
	}
	if _, err := os.Stat(filepath.Join(out, jepa.LockFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a finished run left its lock: %v", err)
	}
}
