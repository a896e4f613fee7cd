package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// tree is what the walk found.
type tree struct {
	fset   *token.FileSet
	files  []*source
	nested []string // folders below the root with a go.mod of their own
}

// source is one Go file of the tree.
type source struct {
	path      string // slash-separated, relative to the root
	dir       string
	text      []byte
	syntax    *ast.File
	test      bool
	generated bool
	lines     int
}

// walk reads and parses every Go file below the root of fsys, whatever its
// build tags. Folders named testdata or vendor and those that begin with a dot
// or an underscore are left out, as the go command does, and nested modules are
// listed but not entered. A file that does not parse is an error.
func walk(fsys fs.FS) (*tree, error) {
	t := &tree{fset: token.NewFileSet()}
	err := fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return t.enter(fsys, p, d.Name())
		}
		if !strings.HasSuffix(p, ".go") {
			return nil
		}
		return t.read(fsys, p)
	})
	if err != nil {
		return nil, fmt.Errorf("house: walk: %w", err)
	}
	return t, nil
}

func (t *tree) enter(fsys fs.FS, p, name string) error {
	if p == "." {
		return nil
	}
	if name == "testdata" || name == "vendor" || name[0] == '.' || name[0] == '_' {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(p, "go.mod")); err == nil {
		t.nested = append(t.nested, p)
		return fs.SkipDir
	}
	return nil
}

func (t *tree) read(fsys fs.FS, p string) error {
	text, err := fs.ReadFile(fsys, p)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(t.fset, p, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.files = append(t.files, &source{
		path:      p,
		dir:       path.Dir(p),
		text:      text,
		syntax:    syntax,
		test:      strings.HasSuffix(p, "_test.go"),
		generated: ast.IsGenerated(syntax),
		lines:     t.fset.File(syntax.FileStart).LineCount(),
	})
	return nil
}

// byDir groups the files by folder, in the order of the walk.
func (t *tree) byDir() (dirs []string, files map[string][]*source) {
	files = map[string][]*source{}
	for _, f := range t.files {
		if len(files[f.dir]) == 0 {
			dirs = append(dirs, f.dir)
		}
		files[f.dir] = append(files[f.dir], f)
	}
	return dirs, files
}
