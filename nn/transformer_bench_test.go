package nn_test

import (
	"flag"
	"os"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/backend/cpu"
	"foresee/nn"
)

var explainSteps = flag.Int("explain", 0, "steps of the compiled graph that BenchmarkTransformerStep prints, the slowest first")

// stack is a transformer over [B, T, D] with a linear head, and how it is trained.
type stack struct {
	batch, steps, width, blocks, hidden int
	attention                           nn.AttentionConfig
	clip                                float64
}

// step returns the loss of one AdamW step of s on x: the mean squared error of each next latent.
func (s stack) step(scope *model.Scope, x, lr, count *graph.Node) *graph.Node {
	y := x
	for i := range s.blocks {
		y = nn.TransformerBlock(scope.At("block%d", i), y, s.hidden, s.attention)
	}
	y = nn.Dense(scope.At("head"), nn.LayerNorm(scope.At("norm"), y), s.width)
	gap := graph.Sub(graph.SliceAxis(y, 1, graph.AxisRange(0, -1)), graph.SliceAxis(x, 1, graph.AxisRange(1)))
	loss := graph.ReduceAllMean(graph.Square(gap))
	nn.AdamW(loss, lr, count, []nn.Group{{Name: "all", Scopes: []*model.Scope{scope}, Clip: s.clip}}, nn.AdamWConfig{WeightDecay: 1e-5})
	return loss
}

// flop counts the products of one step, forward and twice that backward.
func (s stack) flop() float64 {
	rows, d, h := float64(s.batch*s.steps), float64(s.width), float64(s.hidden)
	block := 2*rows*d*(4*d+2*h) + 4*rows*float64(s.steps)*d
	return 3 * (float64(s.blocks)*block + 2*rows*d*d)
}

func BenchmarkTransformerStep(b *testing.B) {
	b.Run("physics", func(b *testing.B) {
		stack{batch: 128, steps: 16, width: 256, blocks: 3, hidden: 1024, attention: nn.AttentionConfig{Heads: 4, Causal: true}, clip: 1}.bench(b)
	})
	b.Run("vit", func(b *testing.B) {
		stack{batch: 32, steps: 64, width: 192, blocks: 1, hidden: 768, attention: nn.AttentionConfig{Heads: 3}}.bench(b)
	})
}

func (s stack) bench(b *testing.B) {
	backend, err := cpu.New("")
	if err != nil {
		b.Fatal(err)
	}
	defer backend.Finalize()
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 7)
	exec, err := model.NewExec(backend, store, s.step)
	if err != nil {
		b.Fatal(err)
	}
	defer exec.Finalize()
	data := make([]float32, s.batch*s.steps*s.width)
	for i, v := range noise("x", len(data)) {
		data[i] = float32(v)
	}
	x := tensors.FromFlatDataAndDimensions(data, s.batch, s.steps, s.width)
	count := 0
	step := func() {
		count++
		out, err := exec.Exec(x, tensors.FromScalar(float32(1e-3)), tensors.FromScalar(float32(count)))
		if err != nil {
			b.Fatal(err)
		}
		if out[0].DType() != dtypes.Float32 {
			b.Fatalf("loss is %s", out[0].Shape())
		}
		out[0].MustFinalizeAll()
	}
	for range 3 {
		step()
	}
	b.ReportAllocs()
	for b.Loop() {
		step()
	}
	b.ReportMetric(s.flop()*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
	var explainer cpu.Explainer = backend
	if *explainSteps > 0 {
		explainer.SetProfile(true)
		for range 5 {
			step()
		}
		if err := cpu.WriteSteps(os.Stderr, explainer.Explain(), *explainSteps); err != nil {
			b.Fatal(err)
		}
	}
}
