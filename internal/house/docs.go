package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// packageDoc wants exactly one package comment in the folder, beginning
// "Package name" or, for a command, "Command". A folder of tests alone carries
// it in a test file.
func (c *checker) packageDoc(dir string, files []*source) {
	var candidates []*source
	for _, f := range files {
		if !f.test {
			candidates = append(candidates, f)
		}
	}
	if len(candidates) == 0 {
		candidates = files
	}
	var with []string
	for _, f := range candidates {
		if f.syntax.Doc == nil || strings.TrimSpace(f.syntax.Doc.Text()) == "" {
			continue
		}
		with = append(with, f.path)
		want := "Package " + strings.TrimSuffix(f.syntax.Name.Name, "_test")
		if f.syntax.Name.Name == "main" {
			want = "Command "
		}
		if text := f.syntax.Doc.Text(); !strings.HasPrefix(text, want) {
			first, _, _ := strings.Cut(text, "\n")
			c.add(Finding{RulePackageDoc, f.path, "", 0, fmt.Sprintf("the package comment begins %q, want %q", first, want)})
		}
	}
	switch len(with) {
	case 0:
		c.add(Finding{RulePackageDoc, dir, "", 0, "no package comment; write one in doc.go"})
	case 1:
	default:
		c.add(Finding{RulePackageDoc, dir, "", 0, "more than one package comment: " + strings.Join(with, ", ")})
	}
}

// exported wants a comment on every exported name of a file: functions, methods
// of exported types, types, and constants and variables, where the comment of a
// group serves all its members.
func (c *checker) exported(f *source) {
	for _, d := range f.syntax.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && receiverExported(d) && d.Doc.Text() == "" {
				c.undocumented(f, funcName(d), d.Pos())
			}
		case *ast.GenDecl:
			if d.Doc.Text() == "" {
				c.specs(f, d)
			}
		}
	}
}

func (c *checker) specs(f *source, d *ast.GenDecl) {
	for _, s := range d.Specs {
		switch s := s.(type) {
		case *ast.TypeSpec:
			if s.Name.IsExported() && s.Doc.Text() == "" {
				c.undocumented(f, s.Name.Name, s.Pos())
			}
		case *ast.ValueSpec:
			for _, n := range s.Names {
				if n.IsExported() && s.Doc.Text() == "" && s.Comment.Text() == "" {
					c.undocumented(f, n.Name, n.Pos())
				}
			}
		}
	}
}

func (c *checker) undocumented(f *source, name string, pos token.Pos) {
	c.add(Finding{RuleExportedDoc, f.path, name, c.line(pos), "exported without a comment"})
}

func receiverExported(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	return ast.IsExported(receiverName(d))
}

// receiverName returns the type name of a method's receiver, without pointer
// and type parameters.
func receiverName(d *ast.FuncDecl) string {
	x := d.Recv.List[0].Type
	for {
		switch t := x.(type) {
		case *ast.StarExpr:
			x = t.X
		case *ast.ParenExpr:
			x = t.X
		case *ast.IndexExpr:
			x = t.X
		case *ast.IndexListExpr:
			x = t.X
		case *ast.Ident:
			return t.Name
		default:
			return ""
		}
	}
}

// funcName returns "F" or "T.M".
func funcName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	return receiverName(d) + "." + d.Name.Name
}
