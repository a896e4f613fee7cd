package jepa

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// errBuilt ends the building of a graph that nobody compiles.
var errBuilt = errors.New("jepa: the graph is built")

// checkComplete builds the model's graphs, without compiling them, and returns
// an error that names the tensors that they need and the store does not have, or
// has in another shape. The predictor and the heads may be absent
// as a whole: training has not come to them.
func (m *Model) checkComplete(has map[string]Tensor) error {
	cfg := m.net.Config
	z := func(g *Graph) *Node { return Zeros(g, shapes.Make(dtypes.Float32, 1, cfg.Latent())) }
	parts := []struct {
		scope string
		build func(root *model.Scope, g *Graph) *Node
	}{
		{ScopeEncoder, func(root *model.Scope, g *Graph) *Node {
			f := cfg.Frame
			return m.encodeGraph(root, Zeros(g, shapes.Make(dtypes.Uint8, 1, f.Height, f.Width, f.Channels)))
		}},
		{ScopePredictor, func(root *model.Scope, g *Graph) *Node {
			actions := []int{1, 1, 1, cfg.ActionDim}
			if cfg.ActionDim == 0 {
				actions = actions[:3]
			}
			return m.rolloutGraph(root, Zeros(g, shapes.Make(dtypes.Float32, 1, cfg.State())), Zeros(g, shapes.Make(dtypes.Float32, actions...)))
		}},
		{ScopeDisplacement, func(root *model.Scope, g *Graph) *Node { return m.net.Displacement(root, z(g), z(g)) }},
		{ScopeUsual, func(root *model.Scope, g *Graph) *Node {
			f := cfg.Frame
			return m.surpriseGraph(root, Zeros(g, shapes.Make(dtypes.Uint8, 1, cfg.Context(), f.Height, f.Width, f.Channels)))
		}},
	}
	for _, p := range parts {
		trained := false
		for name := range has {
			trained = trained || strings.HasPrefix(name, p.scope+"/")
		}
		if !trained && p.scope != ScopeEncoder {
			continue
		}
		e := model.MustNewExec(m.backend, m.store, func(root *model.Scope, g *Graph) *Node {
			p.build(root, g)
			panic(errBuilt)
		})
		_, err := e.Compile()
		e.Finalize()
		if !errors.Is(err, errBuilt) {
			return err
		}
	}
	var missing []string
	for v := range m.store.IterVariables() {
		if !v.HasValue() {
			missing = append(missing, strings.TrimPrefix(v.Path(), "/"))
		}
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return fmt.Errorf("no tensor %s", strings.Join(missing, ", "))
	}
	return nil
}
