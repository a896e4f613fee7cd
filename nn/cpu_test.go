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
