package house

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

const root = "../.."

func law() Law {
	return Law{Rooms: Rooms(), Exceptions: Exceptions(), Nested: NestedModules(), MinFiles: MinFiles}
}

// TestRepository is the gate: this repository keeps every rule.
func TestRepository(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatalf("the walk does not start at the module's root: %v", err)
	}
	found, err := Check(os.DirFS(root), law())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

// TestVet runs go vet on every package.
func TestVet(t *testing.T) {
	if testing.Short() {
		t.Skip("go vet builds the whole module; not in -short")
	}
	if out, err := vet(t, root); err != nil {
		t.Errorf("go vet ./...: %v\n%s", err, out)
	}
}

// TestVetSeesPlantedMistake shows that TestVet can fail.
func TestVetSeesPlantedMistake(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module planted\n\ngo 1.26\n")
	write("p.go", "package planted\n\nimport \"fmt\"\n\nfunc f() { fmt.Printf(\"%d\\n\", \"text\") }\n\nvar _ = f\n")
	out, err := vet(t, dir)
	if err == nil {
		t.Fatalf("go vet passed a wrong Printf verb:\n%s", out)
	}
	if !strings.Contains(out, "p.go") || !strings.Contains(out, "Printf") {
		t.Errorf("go vet's message names neither file nor call:\n%s", out)
	}
}

func vet(t *testing.T, dir string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "vet", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestTable pins what the table itself must satisfy.
func TestTable(t *testing.T) {
	rooms := Rooms()
	if len(rooms) < 20 {
		t.Fatalf("the table has %d rooms, want the whole design", len(rooms))
	}
	seen := map[string]bool{}
	row := 0
	for _, r := range rooms {
		if seen[r.Path] {
			t.Errorf("room %s stands twice in the table", r.Path)
		}
		seen[r.Path] = true
		if r.Row < row {
			t.Errorf("room %s: rows are not in order", r.Path)
		}
		row = r.Row
	}
	for _, name := range append(LearnsBlind(), ReadsPrivileged()...) {
		if r, ok := roomOf(rooms, name); !ok || r.Path != name {
			t.Errorf("%s is listed but is no room of the table", name)
		}
	}
	for _, name := range []string{"plan", "env", "data", "report", "surprise", "guard", "memory"} {
		r, ok := roomOf(rooms, name)
		if !ok || r.Engine != EngineNo {
			t.Errorf("room %s must stand in the table and never import the engine", name)
		}
	}
}

// TestImportRule pins the rule pair by pair, allowed and forbidden.
func TestImportRule(t *testing.T) {
	for _, c := range []struct {
		from, to string
		why      string // part of the breach; "" = allowed
	}{
		{"jepa", "nn", ""},
		{"train", "env/tworooms", ""},
		{"env/tworooms", "env", ""},
		{"loss", "nn/gradcheck", ""},
		{"nn", "nn/gradcheck", ""},
		{"nn/gradcheck", "nn", "upward"},
		{"plan/graph", "plan", ""},
		{"plan/graph", "data", ""},
		{"cmd/foresee", "internal/cli", ""},
		{"plan", "plan", ""},
		{"backend/cpu", "backend/cpu/internal/kernel", ""},
		{"backend/cpu/internal/kernel", "backend/cpu/internal/cpuid", ""},
		{"backend/cpu/internal/kernel", "backend/cpu", ""},
		{"plan/graph", "plan/internal/heap", ""},
		{"nn", "jepa", "upward"},
		{"data", "nn", "upward"},
		{"data", "report", "sideways"},
		{"nn", "loss", "sideways"},
		{"env", "env/tworooms", "own sub-package"},
		{"env/maze", "env/tworooms", "sister"},
		{"plan/cost", "plan/graph", "sister"},
		{"plan", "plan/graph/internal/heap", "own sub-package"},
		{"train", "internal/cli", "upward"},
		{"backend/cpu", "data", "sideways"},
	} {
		got := importBreach(Rooms(), c.from, c.to)
		if c.why == "" && got != "" {
			t.Errorf("%s imports %s: breach %q, want allowed", c.from, c.to, got)
		}
		if c.why != "" && !strings.Contains(got, c.why) {
			t.Errorf("%s imports %s: breach %q, want one that says %q", c.from, c.to, got, c.why)
		}
	}
}

// clean is a small tree that keeps every rule.
func clean() fstest.MapFS {
	return fstest.MapFS{
		"nn/nn.go":             file("// Package nn is planted.\npackage nn\n\nimport _ \"github.com/gomlx/gomlx/core/graph\"\n\n// Exported does nothing.\nfunc Exported() {}\n"),
		"nn/nn_test.go":        file("package nn_test\n\nimport _ \"foresee/nn\"\n"),
		"jepa/jepa.go":         file("// Package jepa is planted.\npackage jepa\n\nimport _ \"foresee/nn\"\n"),
		"agent/adapter.go":     file("// Package agent is planted.\npackage agent\n\nimport _ \"github.com/gomlx/gomlx/core/graph\"\n"),
		"cmd/foresee/main.go":  file("// Command foresee is planted.\npackage main\n\nfunc main() {}\n"),
		"agent/act_test.go":    file("package agent\n\nimport _ \"github.com/gomlx/compute\"\n"),
		"nn/testdata/wrong.go": file("this is not Go"),
		"nn/gen.go":            file("// Code generated by planting. DO NOT EDIT.\n\npackage nn\n\n" + longFunc("Generated", 2*MaxFileLines)),
	}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

// longFunc returns the source of a function of n lines.
func longFunc(name string, n int) string {
	return "// " + name + " is long.\nfunc " + name + "() {\n" + strings.Repeat("\t_ = 0\n", n-2) + "}\n"
}

func planted(t *testing.T, change func(fstest.MapFS, *Law)) []string {
	t.Helper()
	tree := clean()
	l := Law{Rooms: Rooms(), MinFiles: 4}
	change(tree, &l)
	found, err := Check(fs.FS(tree), l)
	if err != nil {
		t.Fatal(err)
	}
	var messages []string
	for _, f := range found {
		messages = append(messages, f.String())
	}
	return messages
}

func TestCleanTreePasses(t *testing.T) {
	if got := planted(t, func(fstest.MapFS, *Law) {}); len(got) != 0 {
		t.Errorf("findings in a clean tree:\n%s", strings.Join(got, "\n"))
	}
}

// TestEachRuleFails plants one violation of each rule and wants it, and only
// it, named in the message.
func TestEachRuleFails(t *testing.T) {
	const nn = "package nn\n\n"
	add := func(name, text string) func(fstest.MapFS, *Law) {
		return func(tree fstest.MapFS, _ *Law) { tree[name] = file(text) }
	}
	pkg := func(name string) string { return "// Package " + name + " is planted.\npackage " + name + "\n" }
	for _, c := range []struct {
		name  string
		plant func(fstest.MapFS, *Law)
		want  string
	}{
		{"upward import", add("nn/up.go", nn+"import _ \"foresee/jepa\"\n"), "nn/up.go:3: import: foresee/jepa: upward"},
		{"upward import in a test", add("nn/up_test.go", nn+"import _ \"foresee/jepa\"\n"), "nn/up_test.go:3: import: foresee/jepa: upward"},
		{"sideways import", add("loss/loss.go", pkg("loss")+"\nimport _ \"foresee/nn\"\n"), "loss/loss.go:4: import: foresee/nn: sideways"},
		{"own sub-package", func(tree fstest.MapFS, _ *Law) {
			tree["env/env.go"] = file(pkg("env") + "\nimport _ \"foresee/env/maze\"\n")
			tree["env/maze/maze.go"] = file(pkg("maze"))
		}, "env/env.go:4: import: foresee/env/maze: a package may not import its own sub-package"},
		{"import from nowhere", add("nn/no.go", nn+"import _ \"foresee/nowhere\"\n"), "nn/no.go:3: import: foresee/nowhere: imports a package that stands in no room"},
		{"engine in plan", add("plan/plan.go", pkg("plan")+"\nimport _ \"github.com/gomlx/gomlx/core/graph\"\n"), "plan/plan.go:4: engine: github.com/gomlx/gomlx/core/graph: room plan"},
		{"engine outside an adapter", add("agent/act.go", "package agent\n\nimport _ \"github.com/gomlx/compute\"\n"), "agent/act.go:3: engine: github.com/gomlx/compute: room agent"},
		{"world in training", add("train/train.go", pkg("train")+"\nimport _ \"foresee/env/maze\"\n"), "train/train.go:4: blind: foresee/env/maze: room train"},
		{"privileged column in planning", add("plan/plan.go", pkg("plan")+"\nfunc f(d interface{ Privileged(string) }) { d.Privileged(\"state\") }\n"), "plan/plan.go:4: privileged: Privileged: room plan"},
		{"engine in a test of plan", add("plan/plan_test.go", pkg("plan")+"\nimport _ \"github.com/gomlx/compute\"\n"), "plan/plan_test.go:4: engine: github.com/gomlx/compute: room plan"},
		{"unplaced package", add("tensor/tensor.go", pkg("tensor")), "tensor: unplaced: the package stands in no room"},
		{"root package", add("foresee.go", pkg("foresee")), ".: unplaced: the package stands in no room"},
		{"nested module", func(tree fstest.MapFS, _ *Law) {
			tree["nn/hidden/go.mod"] = file("module hidden\n")
			tree["nn/hidden/bad.go"] = file("package hidden\n\nfunc  Bad() {}\n")
		}, "nn/hidden: module: a nested module escapes"},
		{"no package comment", add("loss/loss.go", "package loss\n"), "loss: package-doc: no package comment"},
		{"two package comments", add("nn/doc.go", pkg("nn")), "nn: package-doc: more than one package comment: nn/doc.go, nn/nn.go"},
		{"package comment of another", add("loss/loss.go", "// Package nn is copied.\npackage loss\n"), "loss/loss.go: package-doc: the package comment begins \"Package nn is copied.\", want \"Package loss\""},
		{"undocumented function", add("nn/a.go", nn+"func Bare() {}\n"), "nn/a.go:3: doc: Bare: exported without a comment"},
		{"undocumented method", add("nn/a.go", nn+"// T is a type.\ntype T[E any] struct{}\n\nfunc (t *T[E]) Bare() {}\n"), "nn/a.go:6: doc: T.Bare: exported without"},
		{"undocumented type", add("nn/a.go", nn+"type Bare struct{}\n"), "nn/a.go:3: doc: Bare: exported without"},
		{"undocumented constant", add("nn/a.go", nn+"const (\n\tFine = 1 // is documented\n\tBare = 2\n)\n"), "nn/a.go:5: doc: Bare: exported without"},
		{"not gofmt-clean", add("nn/a.go", nn+"func  f() {}\n"), "nn/a.go: gofmt: not gofmt-clean"},
		{"forbidden folder", add("nn/util/a.go", pkg("util")), "nn/util: name: util: says nothing"},
		{"forbidden file", add("nn/common.go", "package nn\n"), "nn/common.go: name: common: says nothing"},
		{"forbidden test file", add("nn/utils_test.go", "package nn\n"), "nn/utils_test.go: name: utils: says nothing"},
		{"long file", add("nn/a.go", nn+strings.Repeat("// filler\n", MaxFileLines)), "nn/a.go: file-size: "},
		{"long function", add("nn/a.go", nn+longFunc("Long", MaxFuncLines+1)), "nn/a.go:4: func-size: Long: 81 lines, at most 80"},
		{"long package", func(tree fstest.MapFS, _ *Law) {
			for _, n := range []string{"a", "b", "c", "d"} {
				tree["nn/"+n+".go"] = file(nn + strings.Repeat("// filler\n", MaxFileLines-5))
			}
		}, "nn: package-size: "},
		{"six parameters", add("nn/a.go", nn+"func f(a, b, c int, d, e, g string) {}\n"), "nn/a.go:3: params: f: 6 parameters, at most 5"},
		{"too few files", func(_ fstest.MapFS, l *Law) { l.MinFiles = 8 }, ".: walk: the walk found 7 Go files, want at least 8"},
		{"idle exception", func(_ fstest.MapFS, l *Law) {
			l.Exceptions = []Exception{{RuleFunc, "nn/nn.go", "Exported", "planted"}}
		}, "nn/nn.go: exception: Exported: the exception to rule func-size frees nothing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := planted(t, c.plant)
			if len(got) != 1 || !strings.HasPrefix(got[0], c.want) {
				t.Errorf("findings:\n%s\nwant exactly one that begins:\n%s", strings.Join(got, "\n"), c.want)
			}
		})
	}
}

// TestBudgetsAtTheLimit shows that exactly the limit is allowed.
func TestBudgetsAtTheLimit(t *testing.T) {
	got := planted(t, func(tree fstest.MapFS, _ *Law) {
		tree["nn/a.go"] = file("package nn\n\n" + longFunc("Long", MaxFuncLines) + "\nfunc f(a, b, c, d, e int) {}\n")
		tree["nn/a_test.go"] = file("package nn\n\n" + longFunc("testLong", MaxFuncLines+10))
	})
	if len(got) != 0 {
		t.Errorf("findings at the limit:\n%s", strings.Join(got, "\n"))
	}
}

// TestExceptionFrees shows that an exception with a reason frees its finding,
// and one without a reason does not.
func TestExceptionFrees(t *testing.T) {
	plant := func(reason string) func(fstest.MapFS, *Law) {
		return func(tree fstest.MapFS, l *Law) {
			tree["nn/a.go"] = file("package nn\n\n" + longFunc("Long", MaxFuncLines+1))
			l.Exceptions = []Exception{{RuleFunc, "nn/a.go", "Long", reason}}
		}
	}
	if got := planted(t, plant("planted")); len(got) != 0 {
		t.Errorf("an exception freed nothing:\n%s", strings.Join(got, "\n"))
	}
	all := func(where string) func(fstest.MapFS, *Law) {
		return func(tree fstest.MapFS, l *Law) {
			plant("planted")(tree, l)
			l.Exceptions[0].Where, l.Exceptions[0].Name = where, "*"
		}
	}
	if got := planted(t, all("nn")); len(got) != 0 {
		t.Errorf("an exception for the whole folder freed nothing:\n%s", strings.Join(got, "\n"))
	}
	if got := planted(t, all("n")); len(got) != 2 {
		t.Errorf("an exception for another folder gave %d findings, want 2:\n%s", len(got), strings.Join(got, "\n"))
	}
	if got := planted(t, plant("")); len(got) != 2 {
		t.Errorf("an exception without a reason gave %d findings, want 2:\n%s", len(got), strings.Join(got, "\n"))
	}
}

// TestBrokenFileIsAnError shows that a file which does not parse stops the
// check instead of escaping it.
func TestBrokenFileIsAnError(t *testing.T) {
	tree := clean()
	tree["nn/broken.go"] = file("package nn\n\nfunc {\n")
	_, err := Check(fs.FS(tree), Law{Rooms: Rooms()})
	if err == nil || !strings.Contains(err.Error(), "nn/broken.go") {
		t.Errorf("Check of a broken file = %v, want an error that names nn/broken.go", err)
	}
}
