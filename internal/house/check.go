package house

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// The rules, by the name under which a finding reports and an exception lists them.
const (
	RuleImport      = "import"      // lower rows only
	RuleEngine      = "engine"      // who may import GoMLX
	RuleBlind       = "blind"       // learning and planning import no world
	RulePrivileged  = "privileged"  // who may read privileged columns
	RuleUnplaced    = "unplaced"    // every package stands in the table
	RuleModule      = "module"      // nested modules are listed
	RulePackageDoc  = "package-doc" // exactly one package comment
	RuleExportedDoc = "doc"         // exported names are documented
	RuleFormat      = "gofmt"
	RuleName        = "name" // forbidden names
	RuleFile        = "file-size"
	RuleFunc        = "func-size"
	RulePackage     = "package-size"
	RuleParams      = "params"
	RuleWalk        = "walk"      // the walk found enough files
	RuleException   = "exception" // an exception that frees nothing
)

// Finding is one broken rule.
type Finding struct {
	Rule  string // name of the rule
	Where string // file or folder, relative to the root
	Name  string // the function, type or import at fault; may be empty
	Line  int    // 0 if the finding is about a whole file or folder
	Why   string // what is wrong, in words
}

// String formats the finding as "where:line: rule: name: why".
func (f Finding) String() string {
	s := f.Where
	if f.Line > 0 {
		s += ":" + strconv.Itoa(f.Line)
	}
	s += ": " + f.Rule + ": "
	if f.Name != "" {
		s += f.Name + ": "
	}
	return s + f.Why
}

// Law is what a tree is checked against.
type Law struct {
	Rooms      []Room
	Exceptions []Exception
	Nested     map[string]string // allowed nested modules, with the reason
	MinFiles   int               // fewer Go files than this is a finding
}

// Check reads the tree below fsys, whose root is the module's, and returns
// every breach of the law, in the order of the walk. The error tells of files
// that could not be read or parsed.
func Check(fsys fs.FS, law Law) ([]Finding, error) {
	t, err := walk(fsys)
	if err != nil {
		return nil, err
	}
	c := &checker{law: law, tree: t}
	for _, n := range t.nested {
		if _, ok := law.Nested[n]; !ok {
			c.add(Finding{RuleModule, n, "", 0, "a nested module escapes every rule; list it with its reason or remove its go.mod"})
		}
	}
	for _, f := range t.files {
		c.file(f)
	}
	dirs, files := t.byDir()
	for _, d := range dirs {
		c.folder(d, files[d])
	}
	found := c.free()
	if len(t.files) < law.MinFiles {
		found = append(found, Finding{RuleWalk, ".", "", 0,
			fmt.Sprintf("the walk found %d Go files, want at least %d", len(t.files), law.MinFiles)})
	}
	return found, nil
}

type checker struct {
	law   Law
	tree  *tree
	found []Finding
}

func (c *checker) add(f Finding) { c.found = append(c.found, f) }

// frees reports whether the exception covers the finding. One without a reason
// covers nothing.
func (e Exception) frees(f Finding) bool {
	if e.Rule != f.Rule || e.Reason == "" {
		return false
	}
	if e.Name == "*" {
		return within(f.Where, e.Where)
	}
	return e.Where == f.Where && e.Name == f.Name
}

// free removes the findings that are excepted and reports unused exceptions.
func (c *checker) free() []Finding {
	used := make([]bool, len(c.law.Exceptions))
	var kept []Finding
	for _, f := range c.found {
		excepted := false
		for i, e := range c.law.Exceptions {
			if e.frees(f) {
				used[i], excepted = true, true
			}
		}
		if !excepted {
			kept = append(kept, f)
		}
	}
	for i, e := range c.law.Exceptions {
		if !used[i] {
			kept = append(kept, Finding{RuleException, e.Where, e.Name, 0,
				"the exception to rule " + e.Rule + " frees nothing, or gives no reason: remove it"})
		}
	}
	return kept
}

func (c *checker) file(f *source) {
	c.imports(f)
	if f.generated {
		return
	}
	if f.lines > MaxFileLines {
		c.add(Finding{RuleFile, f.path, "", 0, fmt.Sprintf("%d lines, at most %d", f.lines, MaxFileLines)})
	}
	switch formatted, err := format.Source(f.text); {
	case err != nil:
		c.add(Finding{RuleFormat, f.path, "", 0, err.Error()})
	case !bytes.Equal(formatted, f.text):
		c.add(Finding{RuleFormat, f.path, "", 0, "not gofmt-clean"})
	}
	if name := strings.TrimSuffix(strings.TrimSuffix(path.Base(f.path), ".go"), "_test"); forbidden(name) {
		c.add(Finding{RuleName, f.path, name, 0, "says nothing about what is inside; name it by its subject"})
	}
	if f.test {
		return
	}
	c.functions(f)
	c.exported(f)
	c.privileged(f)
}

// privileged wants that only probes and evaluation call Privileged of a dataset.
func (c *checker) privileged(f *source) {
	room, placed := roomOf(c.law.Rooms, f.dir)
	if !placed || slices.Contains(ReadsPrivileged(), room.Path) {
		return
	}
	ast.Inspect(f.syntax, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == "Privileged" {
			c.add(Finding{RulePrivileged, f.path, s.Sel.Name, c.line(s.Pos()), "room " + room.Path + " may not read privileged columns"})
		}
		return true
	})
}

// forbidden reports whether a file, folder or package name is one that gathers
// whatever has no place.
func forbidden(name string) bool {
	switch strings.ToLower(name) {
	case "util", "utils", "common", "misc":
		return true
	}
	return false
}

func (c *checker) imports(f *source) {
	room, placed := roomOf(c.law.Rooms, f.dir)
	if !placed {
		return // reported once, with the folder
	}
	for _, spec := range f.syntax.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			continue // the parser has refused it
		}
		line := c.line(spec.Pos())
		if strings.HasPrefix(target, EnginePrefix) && !mayUseEngine(room, f.path) {
			c.add(Finding{RuleEngine, f.path, target, line, "room " + room.Path + " may not import the engine here"})
		}
		if strings.HasPrefix(target, Module+"/env/") && !f.test && slices.Contains(LearnsBlind(), room.Path) {
			c.add(Finding{RuleBlind, f.path, target, line, "room " + room.Path + " learns from frames and actions alone"})
		}
		if target != Module && !strings.HasPrefix(target, Module+"/") {
			continue
		}
		to := strings.TrimPrefix(strings.TrimPrefix(target, Module), "/")
		if _, ok := roomOf(c.law.Rooms, to); !ok {
			c.add(Finding{RuleImport, f.path, target, line, "imports a package that stands in no room"})
			continue
		}
		if why := importBreach(c.law.Rooms, f.dir, to); why != "" {
			c.add(Finding{RuleImport, f.path, target, line, why})
		}
	}
}

func (c *checker) line(p token.Pos) int { return c.tree.fset.Position(p).Line }

func (c *checker) functions(f *source) {
	for _, d := range f.syntax.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name, line := funcName(fn), c.line(fn.Pos())
		if n := c.line(fn.End()) - line + 1; n > MaxFuncLines {
			c.add(Finding{RuleFunc, f.path, name, line, fmt.Sprintf("%d lines, at most %d", n, MaxFuncLines)})
		}
		if n := fn.Type.Params.NumFields(); n > MaxParams {
			c.add(Finding{RuleParams, f.path, name, line, fmt.Sprintf("%d parameters, at most %d: use a struct", n, MaxParams)})
		}
	}
}

// folder checks what concerns a package as a whole.
func (c *checker) folder(dir string, files []*source) {
	if _, ok := roomOf(c.law.Rooms, dir); !ok {
		c.add(Finding{RuleUnplaced, dir, "", 0, "the package stands in no room of the table"})
	}
	if forbidden(path.Base(dir)) {
		c.add(Finding{RuleName, dir, path.Base(dir), 0, "says nothing about what is inside; name it by its subject"})
	}
	lines := 0
	for _, f := range files {
		if !f.test && !f.generated {
			lines += f.lines
		}
	}
	if lines > MaxPackageLines {
		c.add(Finding{RulePackage, dir, "", 0, fmt.Sprintf("%d lines without tests, at most %d", lines, MaxPackageLines)})
	}
	c.packageDoc(dir, files)
}
