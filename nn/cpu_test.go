package nn_test

import (
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// On foresee's backend all gradients are checked, max-pools too.
func TestGradientsCPU(t *testing.T) { checkLayers(t, own(t), true) }

func TestAdamWIsTheLoopCPU(t *testing.T) {
	for _, dtype := range []dtypes.DType{dtypes.Float64, dtypes.Float32} {
		t.Run(dtype.String(), func(t *testing.T) { adamWTwin(t, own(t), dtype) })
	}
}

// A flat image ties everywhere: each window's gradient goes to its first cell inside the image.
func TestMaxPoolTiesCPU(t *testing.T) {
	out, err := model.CallOnce(own(t), model.NewStore(), func(_ *model.Scope, x *graph.Node) *graph.Node {
		y := nn.MaxPool(x, nn.PoolConfig{Kernel: 3, Stride: 2, Padding: 1}) // rows 0-1, 1-3, 3-4 and columns alike
		return graph.Gradient(graph.ReduceAllSum(y), x)[0]
	}, tensor64(make([]float64, 25), 1, 5, 5, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := []float64{
		1, 1, 0, 1, 0,
		1, 1, 0, 1, 0,
		0, 0, 0, 0, 0,
		1, 1, 0, 1, 0,
		0, 0, 0, 0, 0,
	}
	near(t, "gradient of a flat image", tensors.MustCopyFlatData[float64](out), want, 0)
}

// In float32 the backend has an attention of its own, in float64 it is decomposed: a block's result and all
// gradients agree.
func TestAttentionIsItsSteps(t *testing.T) {
	for _, causal := range []bool{false, true} {
		got := blockGradients(t, dtypes.Float32, causal)
		for i, want := range blockGradients(t, dtypes.Float64, causal) {
			near(t, "result or gradient", got[i], want, 2e-5)
		}
	}
}

// blockGradients returns a transformer block's result on seeded noise and the gradients of a weighted sum
// of it by x and all variables.
func blockGradients(t *testing.T, dtype dtypes.DType, causal bool) [][]float64 {
	t.Helper()
	const b, tokens, d = 3, 7, 12
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 7)
	exec, err := model.NewExec(own(t), store, func(scope *model.Scope, x, w *graph.Node) []*graph.Node {
		x, w = graph.ConvertDType(x, dtype), graph.ConvertDType(w, dtype)
		y := nn.TransformerBlock(scope, x, nn.BlockConfig{AttentionConfig: nn.AttentionConfig{Heads: 3, Causal: causal}, Hidden: 20})
		by := []*graph.Node{x}
		for _, name := range []string{"attention/qkv/weight", "attention/qkv/bias", "attention/out/weight", "norm0/weight", "mlp/0/weight"} {
			by = append(by, store.GetVariable("/"+name).NodeValue(x.Graph()))
		}
		out := append([]*graph.Node{y}, graph.Gradient(graph.ReduceAllSum(graph.Mul(y, w)), by...)...)
		for i, n := range out {
			out[i] = graph.ConvertDType(n, dtypes.Float64)
		}
		return out
	})
	if err != nil {
		t.Fatal(err)
	}
	defer exec.Finalize()
	out, err := exec.Exec(tensor64(noise("x", b*tokens*d), b, tokens, d), tensor64(noise("w", b*tokens*d), b, tokens, d))
	if err != nil {
		t.Fatal(err)
	}
	values := make([][]float64, len(out))
	for i, x := range out {
		values[i] = tensors.MustCopyFlatData[float64](x)
	}
	return values
}
