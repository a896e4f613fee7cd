package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Documents of eval surprise go in as they were written, and a page, Markdown and rows come out.
func TestReportPhysics(t *testing.T) {
	model := physicsModel(t)
	dir, out := t.TempDir(), t.TempDir()
	for name, flags := range map[string][]string{
		"video.n0.s1.json": {"--seed", "1"},
		"video.n0.s2.json": {"--seed", "1"},
		"video.n5.s1.json": {"--noise", "N5"},
	} {
		args := []string{"eval", "surprise", "-m", model, "--quads", "1", "--families", "teleport,gravity", "--nulls", "0", "-o", filepath.Join(dir, name)}
		call(t, append(args, flags...)...).want(t, ExitDone)
	}
	page, text := filepath.Join(out, "page.html"), filepath.Join(out, "tables.md")
	d := call(t, "report", "physics", dir, "-o", page, "--markdown", text, "--json").document(t)
	for name, n := range map[string]int{"physics/video/n0/prefix": 8, "physics/video/n5/prefix": 4, "physics/video/n0/null": 4} {
		if r, ok := d.Find(name); !ok || r.N != n || r.Value != 0.5 {
			t.Errorf("%s = %+v, want 0.5 of %d pairs", name, r, n)
		}
	}
	for path, parts := range map[string][]string{
		page: {"<!doctype html>", "Scores without noise", "The noise axis", "surprise around the splice", "<svg"},
		text: {"# Intuitive physics", "| video | 2 | 8 | 50.0 |", "| gravity | 50.0 |", "foresee report physics"},
	} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range parts {
			if !strings.Contains(string(b), s) {
				t.Errorf("%s does not hold %q", path, s)
			}
		}
	}
	call(t, "report", "physics", out).want(t, ExitFailed, out, "holds no run")
	call(t, "report", "physics", dir, "--clips", "0").want(t, ExitUsage, "--clips 0")
	call(t, "report").want(t, ExitUsage, "physics")
	if err := os.Rename(filepath.Join(dir, "video.n5.s1.json"), filepath.Join(dir, "video.n4.s1.json")); err != nil {
		t.Fatal(err)
	}
	call(t, "report", "physics", dir).want(t, ExitFailed, "video.n4.s1.json", "noise is 5")
}
