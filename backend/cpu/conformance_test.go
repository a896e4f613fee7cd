package cpu_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/support/backendtest"
	"github.com/google/go-cmp/cmp"
)

func TestConformance(t *testing.T) { backendtest.RunAll(t, own(t), nil) }

// skipped lists the parts of the conformance suite that do not apply: dynamic axes, fused operations that
// GoMLX decomposes instead, and attention in half precision, with a mask or a bias, which it decomposes too.
var skipped = []string{
	"BinaryOps/Add/DynamicShapesBroadcasting",
	"FusedOps/FusedAttentionQKVProjection",
	"FusedOps/FusedDense",
	"FusedOps/FusedGelu",
	"FusedOps/FusedLayerNorm",
	"FusedOps/FusedScaledDotProductAttention/BHSD_Causal_BF16",
	"FusedOps/FusedScaledDotProductAttention/BHSD_Causal_F16",
	"FusedOps/FusedScaledDotProductAttention/BSHD_Causal_BF16",
	"FusedOps/FusedScaledDotProductAttention/BSHD_Causal_F16",
	"FusedOps/FusedScaledDotProductAttention/Bias",
	"FusedOps/FusedScaledDotProductAttention/BiasWithCausal",
	"FusedOps/FusedScaledDotProductAttention/Bias_BF16",
	"FusedOps/FusedScaledDotProductAttention/WithBooleanMask",
	"FusedOps/FusedSoftmax",
	"SpecialOps/Concatenate/DynamicNonConcatAxis",
	"SpecialOps/DynamicReshape",
	"SpecialOps/Reduce/DynamicShapeReduction",
}

// TestConformanceSkips runs the suite in a process of its own and reads which parts skip.
func TestConformanceSkips(t *testing.T) {
	out, err := exec.Command(os.Args[0], "-test.run=^TestConformance$", "-test.v").CombinedOutput()
	if err != nil {
		t.Fatalf("the suite fails: %v\n%s", err, out)
	}
	var got []string
	passed := 0
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if name, ok := strings.CutPrefix(line, "--- SKIP: TestConformance/"); ok {
			name, _, _ = strings.Cut(name, " ")
			got = append(got, name)
		}
		if strings.HasPrefix(line, "--- PASS: ") {
			passed++
		}
	}
	slices.Sort(got)
	if d := cmp.Diff(skipped, got); d != "" {
		t.Errorf("skipped parts (-want +got):\n%s", d)
	}
	if passed < 300 {
		t.Errorf("only %d parts of the suite passed", passed)
	}
}
