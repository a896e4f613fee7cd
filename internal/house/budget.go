package house

import "strconv"

// Budgets of hand-written source; generated files (Go's marker comment) are
// exempt. Lines are physical lines, comments included.
const (
	MaxFileLines    = 800  // a file, tests included
	MaxFuncLines    = 80   // a function or method, tests excluded
	MaxPackageLines = 3000 // all files of a package together, tests excluded
	MaxParams       = 5    // parameters of a function or method, tests excluded
)

// MinFiles is the number of Go files the walk must find in this repository. It
// guards the guard: a walk that starts in the wrong folder finds nothing wrong.
// Raise it as the tree grows.
const MinFiles = 300

// Exception frees one thing from one rule, with the reason. An exception that
// frees nothing is itself reported, so the list cannot rot.
type Exception struct {
	Rule   string // the rule's name, see the Rule constants
	Where  string // file or folder, relative to the module's root
	Name   string // function or other name in it; empty if the rule has none; "*" for all below Where
	Reason string // why, in one sentence
}

// Exceptions returns the list. It should stay short.
func Exceptions() []Exception {
	return []Exception{
		{RuleEngine, "internal/bench/sgemm.go", "github.com/gomlx/compute", benchesBackend},
		{RuleEngine, "internal/bench/sgemm.go", "github.com/gomlx/compute/dtypes", benchesBackend},
		{RuleEngine, "internal/bench/sgemm.go", "github.com/gomlx/compute/shapes", benchesBackend},
		{RuleParams, "backend/cpu/function_attention.go", "*", dictated},
		{RuleParams, "backend/cpu/function_linear.go", "*", dictated},
		{RuleParams, "backend/cpu/function_norm.go", "*", dictated},
		{RuleParams, "backend/cpu/function_shape.go", "*", dictated},
		{RuleParams, "backend/cpu/internal/tuned", "*", kernels},
		{RuleParams, "backend/cpu/internal/gemm", "*", kernels},
		{RuleParams, "backend/cpu/internal/ops", "*", kernels},
		{RulePrivileged, "train/report.go", "Privileged", "asks whether the column is there, for probe to read; no value is read"},
	}
}

// Reasons that several exceptions share.
const (
	benchesBackend = "bench sgemm measures a backend itself, through its public interface; no model code is involved"
	dictated       = "the methods are compute.Function's, whose signatures are given"
	kernels        = "kernels take pointers, extents and a range, called once a block through tables; a struct would be filled in the hottest loops"
)

// NestedModules returns the folders that may hold a go.mod of their own, each
// with the reason. The walk does not enter them.
func NestedModules() map[string]string {
	return map[string]string{
		"backend/cpu/internal/asmgen": "the kernel generator needs avo; users of the module do not",
	}
}

func digits(n int) string { return strconv.Itoa(n) }
