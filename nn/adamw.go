package nn

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// The optimizer's state of a variable at path P lies in the non-trainable variables P/adamw_m and P/adamw_v.
const (
	FirstMoment  = "adamw_m"
	SecondMoment = "adamw_v"
)

// IsMoment says whether v is a moment that AdamW keeps, not a weight of the model.
func IsMoment(v *model.Variable) bool {
	return strings.HasSuffix(v.Path(), "/"+FirstMoment) || strings.HasSuffix(v.Path(), "/"+SecondMoment)
}

// AdamWConfig holds AdamW's constants.
type AdamWConfig struct {
	Beta1, Beta2 float64 // default 0.9 and 0.999
	Epsilon      float64 // default 1e-8, added outside the root
	WeightDecay  float64 // decoupled; biases and norms decay too, as in PyTorch
}

// Group is a set of variables whose gradients are clipped together.
type Group struct {
	Name   string         // for messages
	Scopes []*model.Scope // the trainable variables in and below them that the graph uses
	Clip   float64        // largest global norm of the gradient; 0 means no clipping
}

// AdamW adds one optimizer step to the graph and returns each group's gradient norm before clipping, scalars.
//
//	g = ∇loss · min(1, Clip/(‖∇loss‖ + 1e-6))
//	m = β₁m + (1-β₁)g,   v = β₂v + (1-β₂)g²
//	p = p·(1 - lr·decay) - lr/(1-β₁ᵗ) · m / (sqrt(v)/sqrt(1-β₂ᵗ) + ε)
//
// lr and step are float or integer scalars, inputs or variables of the graph; step t counts from 1.
// The updated variables and moments take effect when the model.Exec that built the graph runs.
// Moments start at 0 and are made here, so a checkpoint must be loaded before or after, not during.
// A gradient that is not finite makes the norm and the variables so: check the norm.
//
// AdamW panics if a group has no variable in the graph or two groups share one.
//
// Source: PyTorch, torch.optim.AdamW and torch.nn.utils.clip_grad_norm_.
func AdamW(loss, lr, step *graph.Node, groups []Group, cfg AdamWConfig) []*graph.Node {
	cfg = cfg.withDefaults()
	g := loss.Graph()
	members := make([][]*model.Variable, len(groups))
	var nodes []*graph.Node
	owner := map[*model.Variable]string{}
	for i, group := range groups {
		for _, scope := range group.Scopes {
			for _, v := range byPath(scope) {
				if !v.Trainable || !v.InUseByGraph(g) {
					continue
				}
				if other, taken := owner[v]; taken {
					panic(fmt.Errorf("nn: AdamW: variable %s is in group %q and in group %q", v.Path(), other, group.Name))
				}
				owner[v] = group.Name
				members[i] = append(members[i], v)
				nodes = append(nodes, v.NodeValue(g))
			}
		}
		if len(members[i]) == 0 {
			panic(fmt.Errorf("nn: AdamW: group %q has no trainable variable in this graph", group.Name))
		}
	}
	gradients := graph.Gradient(loss, nodes...)
	rates := newRates(lr, step, cfg)
	norms := make([]*graph.Node, len(groups))
	for i, group := range groups {
		own := gradients[:len(members[i])]
		gradients = gradients[len(members[i]):]
		norms[i] = globalNorm(own)
		var scale *graph.Node
		if group.Clip > 0 {
			ratio := graph.Div(graph.Scalar(g, norms[i].DType(), group.Clip), graph.AddScalar(norms[i], 1e-6))
			scale = graph.MinScalar(ratio, 1)
		}
		for k, v := range members[i] {
			grad := own[k]
			if scale != nil {
				grad = graph.Mul(grad, graph.ConvertDType(scale, grad.DType()))
			}
			rates.update(v, grad)
		}
	}
	return norms
}

// byPath returns the variables of scope in the order of their paths. The store's own order is that of
// creation, which differs after a checkpoint was loaded, and with it the rounding of the norm.
func byPath(scope *model.Scope) []*model.Variable {
	return slices.SortedFunc(scope.IterVariables(), func(a, b *model.Variable) int { return strings.Compare(a.Path(), b.Path()) })
}

func (c AdamWConfig) withDefaults() AdamWConfig {
	if c.Beta1 == 0 {
		c.Beta1 = 0.9
	}
	if c.Beta2 == 0 {
		c.Beta2 = 0.999
	}
	if c.Epsilon == 0 {
		c.Epsilon = 1e-8
	}
	return c
}

// globalNorm returns sqrt(Σ x²) over all gradients, in the first one's dtype.
func globalNorm(gradients []*graph.Node) *graph.Node {
	var sum *graph.Node
	for _, x := range gradients {
		s := graph.ReduceAllSum(graph.Square(x))
		if sum == nil {
			sum = s
			continue
		}
		sum = graph.Add(sum, graph.ConvertDType(s, sum.DType()))
	}
	return graph.Sqrt(sum)
}

// rates holds the scalars that all variables share, in float64: in float32 1-β₂ᵗ loses four digits.
type rates struct {
	cfg   AdamWConfig
	keep  *graph.Node // 1 - lr·decay
	pace  *graph.Node // lr/(1-β₁ᵗ)
	root2 *graph.Node // 1/sqrt(1-β₂ᵗ)
}

func newRates(lr, step *graph.Node, cfg AdamWConfig) rates {
	must(lr.IsScalar() && step.IsScalar(), "AdamW", "scalar lr and step", "%s and %s", lr.Shape(), step.Shape())
	lr = graph.ConvertDType(lr, dtypes.Float64)
	t := graph.ConvertDType(step, dtypes.Float64)
	correction := func(beta float64) *graph.Node {
		return graph.OneMinus(graph.Exp(graph.MulScalar(t, math.Log(beta))))
	}
	return rates{
		cfg:   cfg,
		keep:  graph.OneMinus(graph.MulScalar(lr, cfg.WeightDecay)),
		pace:  graph.Div(lr, correction(cfg.Beta1)),
		root2: graph.Reciprocal(graph.Sqrt(correction(cfg.Beta2))),
	}
}

// update sets the new values of v and its moments.
func (r rates) update(v *model.Variable, grad *graph.Node) {
	g, dtype := grad.Graph(), grad.DType()
	store := model.GetStore(g)
	moment := func(name string) *model.Variable {
		return store.VariableWithShape(v.Path()+"/"+name, v.Shape(), graph.Zeros).SetTrainable(false)
	}
	first, second := moment(FirstMoment), moment(SecondMoment)
	blend := func(old, x *graph.Node, beta float64) *graph.Node {
		return graph.Add(graph.MulScalar(old, beta), graph.MulScalar(x, 1-beta))
	}
	m := blend(first.NodeValue(g), grad, r.cfg.Beta1)
	s := blend(second.NodeValue(g), graph.Square(grad), r.cfg.Beta2)
	as := func(x *graph.Node) *graph.Node { return graph.ConvertDType(x, dtype) }
	denominator := graph.AddScalar(graph.Mul(graph.Sqrt(s), as(r.root2)), r.cfg.Epsilon)
	moved := graph.Div(graph.Mul(m, as(r.pace)), denominator)
	p := v.NodeValue(g)
	if r.cfg.WeightDecay != 0 {
		p = graph.Mul(p, as(r.keep))
	}
	first.SetNodeValue(m)
	second.SetNodeValue(s)
	v.SetNodeValue(graph.Sub(p, moved))
}
