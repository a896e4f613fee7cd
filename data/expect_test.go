package data

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Whatever part of a file is needed, the system takes the request, which it does only for whole pages.
func TestWillNeed(t *testing.T) {
	content := make([]byte, 50_000)
	for i := range content {
		content[i] = byte(i * 7)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, unmap, err := mapFile(f, len(content))
	if err != nil {
		t.Fatal(err)
	}
	defer unmap()
	for _, part := range [][2]int{{0, 50_000}, {128, 200}, {4095, 4097}, {8192, 8192}, {12_288, 16_384}, {33_001, 49_999}} {
		if err := willNeed(b[part[0]:part[1]]); err != nil {
			t.Errorf("bytes %v: %v", part, err)
		}
	}
	if !slices.Equal(b, content) {
		t.Error("the file reads otherwise")
	}
}
