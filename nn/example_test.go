package nn_test

import (
	"fmt"

	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/nn"
)

// A network of 33 parameters learns the product of two numbers.
func Example() {
	backend, err := gobackend.New("")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Finalize()
	store := model.NewStore()
	nn.WithSeed(store.RootScope(), 1)
	step := model.MustNewExec(backend, store, func(scope *model.Scope, x, y, lr, t *graph.Node) []*graph.Node {
		net := scope.At("net")
		loss := graph.ReduceAllMean(graph.Square(graph.Sub(nn.MLP(net, x, []int{8, 1}, nn.Tanh), y)))
		groups := []nn.Group{{Name: "net", Scopes: []*model.Scope{net}, Clip: 1}}
		return append([]*graph.Node{loss}, nn.AdamW(loss, lr, t, groups, nn.AdamWConfig{})...)
	})
	defer step.Finalize()
	x, y := [][]float32{{1, 1}, {1, -1}, {-1, 1}, {-1, -1}}, [][]float32{{1}, {-1}, {-1}, {1}}
	schedule := nn.Schedule{Peak: 0.1, Warmup: 5, Total: 100}
	for t := range schedule.Total {
		out, err := step.Call(x, y, schedule.At(t), int32(t+1))
		if err != nil {
			fmt.Println(err)
			return
		}
		if t == 0 || t == schedule.Total-1 {
			fmt.Printf("step %d: loss below 0.01 is %v\n", t, tensors.ToScalar[float32](out[0]) < 0.01)
		}
	}
	fmt.Println(nn.Parameters(store.RootScope()), "parameters")
	// Output:
	// step 0: loss below 0.01 is false
	// step 99: loss below 0.01 is true
	// 33 parameters
}
