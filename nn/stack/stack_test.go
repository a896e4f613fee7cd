package stack_test

import (
	"flag"
	"math"
	"os"
	"testing"

	"foresee/backend/cpu"
	"foresee/nn"
	"foresee/nn/stack"
)

func noise(name string, n int) []float32 {
	rng := nn.Rand(11, name)
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(nn.Normal(rng))
	}
	return out
}

func trainer(t testing.TB, threads string, cfg stack.Config) (*stack.Trainer, *cpu.Backend) {
	t.Helper()
	b, err := cpu.New(threads)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	s, err := stack.New(b, cfg, 7)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s, b
}

// TestStackLearns: the loss falls, by the same bits on one thread and on three.
func TestStackLearns(t *testing.T) {
	cfg := stack.Config{Batch: 24, Tokens: 9, Width: 48, Blocks: 2, Hidden: 96, Heads: 4, Causal: true, LearningRate: 3e-3, Decay: 1e-4}
	n := cfg.Batch * cfg.Tokens * cfg.Width
	x := noise("x", n)
	target := make([]float32, n) // of each token the mean of those before it: something to learn from the past
	for i := range target {
		token := i / cfg.Width % cfg.Tokens
		for u := range token + 1 {
			target[i] += x[i-u*cfg.Width] / float32(token+1)
		}
	}
	var losses [2][]float32
	for i, threads := range []string{"threads=1", "threads=3"} {
		s, _ := trainer(t, threads, cfg)
		for range 40 {
			loss, err := s.Step(x, target)
			if err != nil {
				t.Fatal(err)
			}
			losses[i] = append(losses[i], loss)
		}
	}
	for k, a := range losses[0] {
		if b := losses[1][k]; math.Float32bits(a) != math.Float32bits(b) {
			t.Fatalf("step %d: loss %g on one thread, %g on three", k, a, b)
		}
	}
	if first, last := losses[0][0], losses[0][39]; !(last < 0.3*first) {
		t.Errorf("loss %g at first, %g after 40 steps", first, last)
	}
}

func TestStackRefuses(t *testing.T) {
	b, err := cpu.New("threads=1")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Finalize()
	if _, err := stack.New(b, stack.Config{Batch: 1}, 1); err == nil {
		t.Error("a stack of no tokens is made")
	}
	s, _ := trainer(t, "threads=1", stack.Config{Batch: 1, Tokens: 2, Width: 4, Blocks: 1, Hidden: 4, Heads: 2})
	if _, err := s.Step(make([]float32, 7), make([]float32, 8)); err == nil {
		t.Error("7 floats are taken for [1, 2, 4]")
	}
}

var explainSteps = flag.Int("explain", 0, "steps of the compiled graph that BenchmarkStep prints, the slowest first")

func BenchmarkStep(b *testing.B) {
	for name, cfg := range map[string]stack.Config{"vit": stack.ViT(), "predictor": stack.Predictor()} {
		b.Run(name, func(b *testing.B) {
			s, backend := trainer(b, "", cfg)
			n := cfg.Batch * cfg.Tokens * cfg.Width
			x, target := noise("x", n), noise("target", n)
			step := func() {
				if _, err := s.Step(x, target); err != nil {
					b.Fatal(err)
				}
			}
			for range 3 {
				step()
			}
			b.ReportAllocs()
			for b.Loop() {
				step()
			}
			b.ReportMetric(cfg.FLOP()*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			if *explainSteps > 0 {
				backend.SetProfile(true)
				for range 5 {
					step()
				}
				if err := cpu.WriteSteps(os.Stderr, backend.Explain(), *explainSteps); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
