package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"foresee/jepa"
	"foresee/nn/stack"
	"foresee/report"
)

func TestBestRate(t *testing.T) {
	ours := report.Row{Name: "bench/sgemm/2048/gflops", Value: 90, Unit: "gflops", Note: "backend cpu"}
	theirs := report.Row{Name: "bench/sgemm/2048/openblas", Value: 100, Unit: "gflops", Note: "OpenBLAS X"}
	ratio := report.Row{Name: "bench/sgemm/2048/ratio", Value: 900, Unit: "1"}
	if r := BestRate([]report.Row{ours, theirs, ratio}); r != (Rate{100, "OpenBLAS X"}) {
		t.Errorf("best rate %+v, want OpenBLAS's 100", r)
	}
	ours.Value = 110
	if r := BestRate([]report.Row{ours, theirs}); r != (Rate{110, "ours"}) {
		t.Errorf("best rate %+v, want our 110", r)
	}
	if r := BestRate([]report.Row{ours}); r != (Rate{}) || r.share("x", 1, sample{time.Second}) != nil {
		t.Errorf("best rate without OpenBLAS %+v, want none and no share", r)
	}
	share := Rate{100, "x"}.share("s", stepGFLOP, sample{2 * time.Second})
	if len(share) != 1 || share[0].Value != 0.58 || share[0].Validate() != nil {
		t.Errorf("share of 116 GFLOP in 2 s at 100 GFLOP/s = %+v, want 0.58", share)
	}
}

// fakePeer writes a peer that says it differs by gap and needs 0.25 s a run.
func fakePeer(t *testing.T, gap string) PeerConfig {
	t.Helper()
	dir := t.TempDir()
	script := fmt.Sprintf(`#!/bin/sh
[ -s "$3" ] && [ "$2" = step ] && [ "$4" = --threads ] || { echo "called with $*" >&2; exit 9; }
echo '{"peer": "Fake 1", "gap": %s}'
while read -r run n; do
	s=9
	i=1
	while [ "$i" -lt "$n" ]; do s="$s, 0.25"; i=$((i+1)); done
	echo "{\"seconds\": [$s]}"
done
`, gap)
	for name, text := range map[string]string{"python": script, "torch_peer.py": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return PeerConfig{Python: filepath.Join(dir, "python"), Dir: dir}
}

func TestPairedWithPeer(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("needs /bin/sh")
	}
	all := map[string]jepa.Tensor{"expected": {Shape: []int{1}, Data: []float32{1}}}
	p, err := startPeer(t.Context(), fakePeer(t, "1e-5"), "step", all)
	if err != nil {
		t.Fatal(err)
	}
	calls := 0
	ours, theirs, err := paired(t.Context(), 10, 5, func() error { calls++; time.Sleep(time.Millisecond); return nil }, p)
	if err != nil || len(ours) != 10 || len(theirs) != 10 || calls != warmRuns+2*(1+5) {
		t.Fatalf("%d and %d runs of %d calls (%v), want 10 and 10 of %d", len(ours), len(theirs), calls, err, warmRuns+12)
	}
	if slices.Max(theirs) != 250*time.Millisecond {
		t.Errorf("the peer's runs are %v, want its unmeasured first run of 9 s left out", theirs)
	}
	rows := peerRows("step", ours, theirs, p)
	mine, _, _ := ours.median()
	if len(rows) != 2 || rows[0].Value != 0.25 || rows[1].Value != 0.25/mine || !strings.HasPrefix(rows[0].Note, "Fake 1") {
		t.Errorf("rows %+v, want 0.25 s and the ratio to %v", rows, mine)
	}
	dir := p.dir
	if err := p.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the peer's files are still there: %v", err)
	}
}

func TestPeerRefused(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("needs /bin/sh")
	}
	all := map[string]jepa.Tensor{"expected": {Shape: []int{1}, Data: []float32{1}}}
	for _, gap := range []string{"0.01", "null"} {
		if _, err := startPeer(t.Context(), fakePeer(t, gap), "step", all); err == nil || !strings.Contains(err.Error(), "differs") {
			t.Errorf("a peer with gap %s: %v, want an error that says it differs", gap, err)
		}
	}
	if _, err := startPeer(t.Context(), fakePeer(t, "0"), "other", all); err == nil || !strings.Contains(err.Error(), "called with") {
		t.Errorf("a peer that ends at once: %v, want what it wrote to stderr", err)
	}
	cfg := fakePeer(t, "0")
	cfg.Dir = t.TempDir()
	if _, err := startPeer(t.Context(), cfg, "step", all); err == nil || !strings.Contains(err.Error(), "torch_peer.py") {
		t.Errorf("no script: %v, want an error that names it", err)
	}
	if p, err := startPeer(t.Context(), PeerConfig{}, "step", all); p != nil || err != nil {
		t.Errorf("no peer: %v, %v, want nothing", p, err)
	}
}

// TestTorchAgrees runs the real peers where FORESEE_PEER_PYTHON names an
// interpreter with torch, on small nets.
func TestTorchAgrees(t *testing.T) {
	python := os.Getenv("FORESEE_PEER_PYTHON")
	if python == "" || testing.Short() {
		t.Skip("FORESEE_PEER_PYTHON names no interpreter with torch, or -short")
	}
	cfg := Config{Runs: minRuns, Seed: 1, Peer: PeerConfig{Python: python, Dir: "../../scripts/peers"}}
	w := trainWork{name: "small", preset: "eb-jepa", stage: "pixels", size: 33, latent: 16, peer: "train"}
	rows, err := w.measure(t.Context(), cfg, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Validate() != nil || !(r.Value > 0) {
			t.Errorf("row %+v: %v", r, r.Validate())
		}
	}
	if len(rows) != 5 {
		t.Errorf("%d rows, want seconds, frames a second, bytes, and two of the peer", len(rows))
	}
}

// smallBlocks is a stack that is quickly trained.
func smallBlocks() blockWork {
	return blockWork{"small", "two causal blocks", stack.Config{Batch: 3, Tokens: 5, Width: 24, Blocks: 2, Hidden: 20, Heads: 2,
		Causal: true, LearningRate: 1e-3, Decay: 0.1}}
}

// TestBlocks measures a small stack without a peer and reads the compiled plan that explain writes.
func TestBlocks(t *testing.T) {
	var plan strings.Builder
	cfg := Config{Runs: minRuns, Seed: 1, Explain: &plan, Rate: Rate{100, "x"}}
	rows, err := smallBlocks().measure(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
		if r.Validate() != nil || !(r.Value > 0) {
			t.Errorf("row %+v: %v", r, r.Validate())
		}
	}
	if want := []string{"bench/blocks/small/seconds", "bench/blocks/small/sgemm_share", "bench/blocks/small/alloc_bytes"}; !slices.Equal(names, want) {
		t.Errorf("rows %v, want %v", names, want)
	}
	for _, want := range []string{"blocks/small: ", "GFLOP/s", "GB/s", "AttentionGradient [3 5 2 12]", "DotGeneral [15 24] [24 72] [72] -> [15 72]"} {
		if !strings.Contains(plan.String(), want) {
			t.Errorf("no %q in the plan:\n%s", want, plan.String())
		}
	}
}

// TestBlocksInInt16 measures blocks whose products are large enough for integers of 16 bits: they train like those in
// float32, but are not the same. A processor without them says so.
func TestBlocksInInt16(t *testing.T) {
	cfg := Config{Runs: minRuns, Seed: 1}
	short, ok := cfg.inInt16()
	if !ok {
		_, err := jepa.OpenBackend("cpu:products=int16")
		if err == nil || !strings.Contains(err.Error(), "AVX-512 with VNNI, or AVX2") {
			t.Errorf("no rows in int16, but the backend says %v", err)
		}
		return
	}
	w := blockWork{"middle", "a block", stack.Config{Batch: 4, Tokens: 16, Width: 48, Blocks: 1, Hidden: 96, Heads: 2, LearningRate: 1e-3, Decay: 0.1}}
	rows, err := w.both(t.Context(), cfg, short)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range rows {
		names = append(names, r.Name)
	}
	if want := []string{"bench/blocks/middle-int16/seconds", "bench/blocks/middle-int16/alloc_bytes", "bench/blocks/middle-int16/apart"}; !slices.Equal(names, want) {
		t.Fatalf("rows %v, want %v", names, want)
	}
	if apart := rows[2].Value; !(apart > 0 && apart < 1e-3) {
		t.Errorf("the losses are %g apart, want a little", apart)
	}
}

// TestPeersAgreeOnBlocks runs the real peers where FORESEE_PEER_PYTHON names an
// interpreter with torch and jax.
func TestPeersAgreeOnBlocks(t *testing.T) {
	python := os.Getenv("FORESEE_PEER_PYTHON")
	if python == "" || testing.Short() {
		t.Skip("FORESEE_PEER_PYTHON names no interpreter with torch and jax, or -short")
	}
	cfg := Config{Runs: minRuns, Seed: 1, Peer: PeerConfig{Python: python, Dir: "../../scripts/peers", JAX: true}}
	e, err := cfg.open()
	if err != nil {
		t.Fatal(err)
	}
	defer e.close()
	for _, causal := range []bool{false, true} {
		w := smallBlocks()
		w.cfg.Causal = causal
		rows, err := w.measure(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 6 {
			t.Errorf("%d rows, want seconds, bytes, and two of each peer", len(rows))
		}
	}
	for _, bits := range []int{32, 8} {
		rows, err := rolloutOf(t.Context(), cfg, e, 32, bits)
		if err != nil {
			t.Fatal(err)
		}
		want := 5
		if bits == 8 {
			want = 7
		}
		if len(rows) != want {
			t.Errorf("%d rows of a rollout in %d bits, want seconds, two of each peer and in bytes two distances", len(rows), bits)
		}
		for _, r := range rows {
			if strings.Contains(r.Name, "/apart/") && !(r.Value > 0 && r.Value < 0.05) {
				t.Errorf("%s is %g, want little", r.Name, r.Value)
			}
		}
	}
}
