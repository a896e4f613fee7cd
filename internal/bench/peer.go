package bench

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"foresee/jepa"
	"foresee/report"
)

// PeerConfig says how to run the peers of scripts/peers; the zero value runs none.
type PeerConfig struct {
	Python string // interpreter with torch and numpy; "" = no peer
	Dir    string // folder of the scripts
	JAX    bool   // measure JAX's time too, where its peer knows the work

	program string // "" = torch_peer.py
}

// peerTolerance bounds how far a peer's result may differ, relative to the largest value.
const peerTolerance = 1e-3

// peer is a running peer program that has made the same result.
type peer struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
	noise bytes.Buffer // stderr
	dir   string
}

// startPeer gives the tensors to the peer's program for one kind of work and
// waits until it has made what "expected" among them holds. It returns nil
// without a peer.
func startPeer(ctx context.Context, cfg PeerConfig, work string, all map[string]jepa.Tensor) (p *peer, err error) {
	if cfg.Python == "" {
		return nil, nil
	}
	p = &peer{}
	if p.dir, err = os.MkdirTemp("", "foresee-peer-"); err != nil {
		return nil, fmt.Errorf("bench: peer: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
			p = nil
		}
	}()
	file := filepath.Join(p.dir, work+".safetensors")
	if err := jepa.WriteTensors(file, all, nil); err != nil {
		return p, fmt.Errorf("bench: peer: %w", err)
	}
	script := filepath.Join(cfg.Dir, cmp.Or(cfg.program, "torch_peer.py"))
	if _, err := os.Stat(script); err != nil {
		return p, fmt.Errorf("bench: peer: %w; run this from the root of a checkout", err)
	}
	threads := strconv.Itoa(runtime.GOMAXPROCS(0))
	p.cmd = exec.CommandContext(ctx, cfg.Python, script, work, file, "--threads", threads)
	// The peer's best: no page is given back to the kernel, where a fresh one costs more than the arithmetic.
	p.cmd.Env = append(os.Environ(), "MALLOC_MMAP_MAX_=0", "MALLOC_TOP_PAD_=1073741824", "MALLOC_TRIM_THRESHOLD_=17179869184",
		"OMP_NUM_THREADS="+threads)
	p.cmd.Stderr = &p.noise
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return p, fmt.Errorf("bench: peer: %w", err)
	}
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return p, fmt.Errorf("bench: peer: %w", err)
	}
	p.lines = bufio.NewScanner(out)
	p.lines.Buffer(nil, 1<<24)
	if err := p.cmd.Start(); err != nil {
		return p, fmt.Errorf("bench: peer: %w", err)
	}
	return p, p.agree(work)
}

// agree reads the peer's first line.
func (p *peer) agree(work string) error {
	var hello struct {
		Peer string   `json:"peer"`
		Gap  *float64 `json:"gap"`
	}
	if err := p.read(&hello); err != nil {
		return err
	}
	gap := math.NaN()
	if hello.Gap != nil {
		gap = *hello.Gap
	}
	if !(gap <= peerTolerance) {
		return fmt.Errorf("bench: peer: its result of %s differs from ours by %g of the largest value, more than %g", work, gap, peerTolerance)
	}
	p.name = fmt.Sprintf("%s, allocator tuned, %d threads; results agree to %.0e", hello.Peer, runtime.GOMAXPROCS(0), gap)
	return nil
}

func (p *peer) read(into any) error {
	if !p.lines.Scan() {
		err := p.lines.Err()
		p.stdin.Close()
		return fmt.Errorf("bench: peer ended: %w", errors.Join(err, p.cmd.Wait(), errors.New(p.noise.String())))
	}
	if err := json.Unmarshal(p.lines.Bytes(), into); err != nil {
		return fmt.Errorf("bench: peer wrote %q: %w", p.lines.Text(), err)
	}
	return nil
}

// block lets the machine settle, then adds n runs of the peer to s after an unmeasured one.
func (p *peer) block(s *sample, n int) error {
	time.Sleep(settle)
	if _, err := fmt.Fprintf(p.stdin, "run %d\n", n+1); err != nil {
		return fmt.Errorf("bench: peer: %w", err)
	}
	var answer struct{ Seconds []float64 }
	if err := p.read(&answer); err != nil {
		return err
	}
	if len(answer.Seconds) != n+1 {
		return fmt.Errorf("bench: peer answered %d runs of %d", len(answer.Seconds), n+1)
	}
	for _, x := range answer.Seconds[1:] {
		*s = append(*s, time.Duration(x*float64(time.Second)))
	}
	return nil
}

// close ends the program and removes its files; a nil peer has none.
func (p *peer) close() error {
	if p == nil {
		return nil
	}
	if p.stdin != nil {
		p.stdin.Close()
	}
	if p.cmd != nil && p.cmd.Process != nil && p.cmd.ProcessState == nil {
		p.cmd.Wait() // its results are in; how it ends says nothing
	}
	return os.RemoveAll(p.dir)
}

// paired times work and the peer, if there is one, in turn: blocks of so many runs.
func paired(ctx context.Context, runs, block int, work func() error, p *peer) (ours, theirs sample, err error) {
	for range warmRuns {
		if err := work(); err != nil {
			return nil, nil, err
		}
	}
	for len(ours) < runs {
		n := min(block, runs-len(ours))
		if err := ours.block(ctx, n, work); err != nil {
			return nil, nil, err
		}
		if p == nil {
			continue
		}
		if err := p.block(&theirs, n); err != nil {
			return nil, nil, err
		}
	}
	return ours, theirs, nil
}

// peerRows returns the peer's time and how many times it takes ours.
func peerRows(name string, ours, theirs sample, p *peer) []report.Row {
	if p == nil {
		return nil
	}
	peer := theirs.seconds("bench/peer/"+name+"/seconds", p.name)
	mine, _, _ := ours.median()
	return []report.Row{peer, {Name: "bench/peer/" + name + "/ratio", Value: peer.Value / mine, Unit: "1", N: len(theirs),
		Note: "the peer's seconds over ours; above 1 we are faster"}}
}
