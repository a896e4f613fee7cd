package conv

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"foresee/backend/cpu/internal/fence"
)

// watched returns a copy of k whose forward and weight kernels count in seen which of their variants ran.
func watched(k *kernels, seen map[string]int) *kernels {
	w := *k
	if k.narrow != nil {
		w.narrow = watched(k.narrow, map[string]int{})
	}
	for v := range w.forward {
		for i, f := range w.forward[v] {
			if f != nil {
				w.forward[v][i] = func(arg *byte) {
					c := (*tileCall)(unsafe.Pointer(arg))
					seen[fmt.Sprintf("forward bare %v near %v whole %v", c.bias == nil, c.wNear != 0, int(c.tail) == k.lanes)]++
					f(arg)
				}
			}
		}
		for i, f := range w.weights[v] {
			if f != nil {
				w.weights[v][i] = func(arg *byte) {
					c := (*outerCall)(unsafe.Pointer(arg))
					seen[fmt.Sprintf("weights near %d whole %v", c.near, c.tail == k.lanes)]++
					f(arg)
				}
			}
		}
	}
	return &w
}

// variantShape draws windows of three strides and others, over channels that fill vectors or do not.
func variantShape(r *rand.Rand, k *kernels) Shape {
	channels := []int{k.lanes, k.lanes - 3, 2 * k.lanes, 2*k.lanes - 5, 3 * k.lanes, 1, 2}
	stride := 1 + r.IntN(2)
	s := Shape{
		N: 1 + r.IntN(3), H: 3 + r.IntN(5), W: 6 + r.IntN(36), Cin: channels[r.IntN(7)], Cout: channels[r.IntN(7)],
		KH: 1 + r.IntN(3), KW: 3 * stride, StrideH: stride, StrideW: stride, Fast: r.IntN(2) == 0,
	}
	if r.IntN(3) == 0 {
		s.KW = 1 + r.IntN(4)
	}
	if pad := r.IntN(2); pad == 1 || s.Fast {
		s.PadTop, s.PadBottom, s.PadLeft, s.PadRight = pad, pad, pad, pad
	}
	if s.Fast {
		s.KH, s.KW, s.StrideH, s.StrideW = 3, 3, 1, 1
	}
	if r.IntN(5) == 0 { // a first layer
		s.Cin, s.Cout, s.KH, s.KW, s.Fast = 1+r.IntN(2), k.lanes, 3, 3*s.StrideW, false
	}
	return s.WithOut()
}

// TestVariantsStayInside compares each variant of the kernels with naive passes on operands and workspaces that end at
// unreadable pages.
func TestVariantsStayInside(t *testing.T) {
	eachSet(t, func(t *testing.T, k *kernels) {
		seen := map[string]int{}
		k = watched(k, seen)
		k.winogradTiles, k.winogradTap = 1, 0
		r := rand.New(rand.NewPCG(11, 1))
		for i := range cases(k) / 2 {
			s := variantShape(r, k)
			x, w, dy := fence.AtEnd(integers(r, s.inputs())), fence.AtEnd(times(36, integers(r, s.weights()))), fence.AtEnd(integers(r, s.outputs()))
			y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
			naive(s, func(a, b, c int) {
				y[c] += x[a] * w[b]
				dx[a] += dy[c] * w[b]
				dw[b] += x[a] * dy[c]
			})
			one := Crew{Threads: 1}
			got := [][]float32{fence.AtEnd(dirty(len(y))), fence.AtEnd(dirty(len(x))), fence.AtEnd(dirty(len(w)))}
			k.forwardPass(nil, s, ForwardArgs{X: x, W: w, Y: got[0], Workspace: fence.AtEnd(dirty(k.forwardFloats(s, one)))})
			k.dataPass(nil, s, DataArgs{DY: dy, W: w, DX: got[1], Workspace: fence.AtEnd(dirty(k.dataFloats(s, one)))})
			k.weightsPass(nil, s, WeightArgs{X: x, DY: dy, DW: got[2], Workspace: fence.AtEnd(dirty(k.weightsFloats(s, one)))})
			for o, want := range [][]float32{y, dx, dw} {
				same(t, fmt.Sprintf("case %d %+v: output %d", i, s, o), got[o], want)
			}
		}
		want := []string{
			"forward bare false near false whole false", "forward bare false near false whole true",
			"forward bare false near true whole false", "forward bare false near true whole true",
			"weights near 0 whole false", "weights near 0 whole true", "weights near 1 whole true",
		}
		if k.winogradInput != nil { // then a tile has room for nine taps, too
			want = append(want, "forward bare true near false whole true", "weights near 3 whole true")
		}
		for _, v := range want {
			if seen[v] < 5 {
				t.Errorf("%q ran %d times", v, seen[v])
			}
		}
	})
}
