package importer_test

import (
	"context"
	"fmt"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"foresee/data"
	"foresee/data/importer"
)

// saveClip writes a clip folder of n pictures, picture i of red level first+i.
func saveClip(t testing.TB, dir string, n, w, h, first int) {
	t.Helper()
	for i := range n {
		save(t, filepath.Join(dir, fmt.Sprintf("%04d.png", i)), plainPicture(w, h, color.RGBA{uint8(first + i), 7, 9, 255}))
	}
}

// A folder of clip folders is a dataset of one episode a clip, of the pictures' own bytes and size.
func TestClipFoldersKeepTheirSize(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	for e, n := range []int{5, 1, 12} {
		saveClip(t, filepath.Join(dir, fmt.Sprintf("clip%d", e+8)), n, 20, 12, 40*e) // clip8, clip9, clip10
	}
	sum, err := importer.Import(context.Background(), importer.Config{Sources: []string{dir}, Out: out})
	if err != nil {
		t.Fatal(err)
	}
	if want := (data.Frame{Height: 12, Width: 20, Channels: 3}); sum.Meta.Frame != want || sum.Meta.Episodes != 3 || sum.Meta.Steps != 18 {
		t.Errorf("meta %+v, want 3 episodes, 18 steps of %+v", sum.Meta, want)
	}
	d, err := data.Open(out)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var lengths, levels []int
	for e := range d.Episodes() {
		first, n := d.Episode(e)
		lengths, levels = append(lengths, n), append(levels, int(d.Frame(first)[0]))
	}
	if diff := cmp.Diff([]int{5, 1, 12}, lengths); diff != "" {
		t.Errorf("lengths (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 40, 80}, levels); diff != "" {
		t.Errorf("first levels (-want +got):\n%s", diff)
	}
	if last := d.Frame(17); last[0] != 91 || last[1] != 7 || last[2] != 9 || last[3*20*12-3] != 91 {
		t.Errorf("the last frame begins with %v, want 91 7 9", last[:3])
	}
}

// What is wrong is named, and nothing is left of the import.
func TestClipFoldersRefused(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(dir string)
		want []string
	}{
		{"another size", func(dir string) {
			saveClip(t, filepath.Join(dir, "a"), 3, 8, 8, 0)
			saveClip(t, filepath.Join(dir, "b"), 3, 8, 9, 0)
		}, []string{filepath.Join("b", "0000.png"), "8x9", "8x8", filepath.Join("a", "0000.png")}},
		{"no picture", func(dir string) {
			saveClip(t, filepath.Join(dir, "a"), 3, 8, 8, 0)
			saveText(t, filepath.Join(dir, "a", "0001.png"), "this is no picture")
		}, []string{filepath.Join("a", "0001.png"), "cannot be read"}},
		{"a first file that is no picture", func(dir string) {
			saveClip(t, filepath.Join(dir, "a"), 1, 8, 8, 0)
			saveText(t, filepath.Join(dir, "a", "0000.png"), "")
		}, []string{filepath.Join("a", "0000.png"), "cannot be read"}},
		{"a truncated picture", func(dir string) {
			saveClip(t, filepath.Join(dir, "a"), 3, 8, 8, 0)
			path := filepath.Join(dir, "a", "0002.png")
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			saveText(t, path, string(text[:len(text)-20]))
		}, []string{filepath.Join("a", "0002.png"), "cannot be read"}},
		{"an empty clip", func(dir string) {
			saveClip(t, filepath.Join(dir, "a"), 3, 8, 8, 0)
			saveText(t, filepath.Join(dir, "b", "notes.txt"), "")
		}, []string{"folder b", "no PNG or JPEG"}},
		{"folders of folders", func(dir string) {
			saveClip(t, filepath.Join(dir, "set", "a"), 3, 8, 8, 0)
		}, []string{"folder set", "holds folders (a)"}},
		{"quadruplets", func(dir string) {
			saveClip(t, filepath.Join(dir, "q", "P1"), 3, 8, 8, 0)
			saveText(t, filepath.Join(dir, "q", "quad.json"), "{}")
		}, []string{"folder q", "quad.json", "impossible", "eval surprise --clips"}},
		{"one quadruplet", func(dir string) {
			saveClip(t, filepath.Join(dir, "P1"), 3, 8, 8, 0)
			saveText(t, filepath.Join(dir, "quad.json"), "{}")
		}, []string{"quad.json", "impossible"}},
	} {
		dir, parent := t.TempDir(), t.TempDir()
		c.make(dir)
		_, err := importer.Import(context.Background(), importer.Config{Sources: []string{dir}, Out: filepath.Join(parent, "out")})
		if err == nil {
			t.Errorf("%s: no error", c.name)
			continue
		}
		for _, w := range append(c.want, dir) {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v, want it to say %q", c.name, err, w)
			}
		}
		if left, err := os.ReadDir(parent); err != nil || len(left) != 0 {
			t.Errorf("%s: left %v (%v)", c.name, left, err)
		}
	}
}

// Two sources of different sizes go together only if a size is asked for.
func TestSourcesOfDifferentSizes(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	saveClip(t, a, 2, 8, 8, 0)
	saveClip(t, b, 2, 8, 4, 0)
	out := filepath.Join(t.TempDir(), "out")
	c := importer.Config{Sources: []string{a, b}, Out: out}
	if _, err := importer.Import(context.Background(), c); err == nil || !strings.Contains(err.Error(), b) || !strings.Contains(err.Error(), "8x4") {
		t.Errorf("error %v, want one that names %s and 8x4", err, b)
	}
	c.Options = importer.Options{Height: 6, Width: 6}
	sum, err := importer.Import(context.Background(), c)
	if err != nil || sum.Meta.Steps != 4 {
		t.Errorf("resized: %d steps, %v", sum.Meta.Steps, err)
	}
}
