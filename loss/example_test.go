package loss_test

import (
	"fmt"

	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/gomlx/core/graph"

	"foresee/loss"
)

// The same two views in the units of eb_jepa and of the VICReg paper's code.
func ExampleVICReg() {
	backend, err := gobackend.New("")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer backend.Finalize()
	a := [][]float64{{1, 0, .5}, {0, 1, -.5}, {-1, .5, 0}, {.5, -.5, 1}}
	b := [][]float64{{.5, -.5, 1}, {-1, .5, 0}, {0, 1, -.5}, {1, 0, .5}}
	exec := graph.MustNewExec(backend, func(a, b *graph.Node) []*graph.Node {
		return []*graph.Node{
			loss.VICReg(a, b, loss.EBJEPAVICReg(1, 80)).Total,
			loss.VICReg(a, b, loss.OfficialVICReg()).Total,
		}
	})
	defer exec.Finalize()
	out := exec.MustCall(a, b)
	fmt.Printf("%.4f %.4f\n", out[0].Value(), out[1].Value())
	// Output: 19.2783 16.9573
}
