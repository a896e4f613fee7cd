package ir

import "github.com/gomlx/compute"

// Optimize runs the passes over f and the closures in it. fold computes what depends on constants alone.
func Optimize(f *Func, fold func(f *Func) error) error { return optimize(f, fold, map[*Func]bool{}) }

func optimize(f *Func, fold func(f *Func) error, done map[*Func]bool) error {
	if done[f] {
		return nil
	}
	done[f] = true
	RemoveDead(f)
	for _, n := range f.Nodes {
		for _, s := range n.Subs() {
			if err := optimize(s, fold, done); err != nil {
				return err
			}
		}
	}
	WidenHalf(f)
	Simplify(f)
	ShareCommon(f)
	if err := fold(f); err != nil {
		return err
	}
	StackGradients(f)
	FoldTransposes(f)
	RecogniseConv(f)
	RecogniseReLU(f)
	RecogniseGELU(f)
	FuseEpilogues(f)
	ReadBytes(f)
	FuseByteDense(f)
	RecogniseGRU(f)
	FuseSumProduct(f)
	ReadHalf(f)
	return nil
}

// foldLimit is the largest constant, in bytes, that folding makes.
const foldLimit = 1 << 20

// Foldable says whether n is to be computed once: it depends on constants alone and is not large.
func Foldable(n *Node) bool {
	switch n.Op {
	case compute.OpTypeParameter, compute.OpTypeConstant, compute.OpTypeBroadcastInDim, compute.OpTypeRNGBitGenerator:
		return false
	}
	if len(n.Out) != 1 || len(n.Subs()) > 0 || n.Out[0].Bytes() > foldLimit {
		return false
	}
	for _, v := range n.In {
		if v.Node.Op != compute.OpTypeConstant {
			return false
		}
	}
	return true
}
