package importer

import (
	"io"
	"slices"
	"strings"
	"testing"
)

func FuzzY4M(f *testing.F) {
	f.Add("YUV4MPEG2 W4 H2 F10:1 C420jpeg\nFRAME\n0123456789abFRAME Ip\n0123456789ab")
	f.Add("YUV4MPEG2 W1 H1 F1:1 Cmono XCOLORRANGE=FULL\nFRAME\na")
	f.Fuzz(func(t *testing.T, text string) {
		if !strings.HasPrefix(text, "YUV4MPEG2 ") {
			return // Open looks at the magic first
		}
		if strings.Count(text, "9") > 3 {
			return // large pictures are allowed, but slow here
		}
		d, err := parseY4M(strings.NewReader(text))
		if err != nil {
			return
		}
		d.file = io.NopCloser(nil)
		for range 4 {
			if _, err := d.next(); err != nil {
				return
			}
		}
	})
}

func TestNatural(t *testing.T) {
	want := []string{"a", "a1", "a01", "a2", "a10", "a10b", "a10b2", "a10b11", "b"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, natural)
	if natural("a1", "a01") == 0 {
		t.Error("a1 and a01 are taken for the same name")
	}
	// Equal numbers are ordered by their bytes: 01 before 1.
	want[1], want[2] = want[2], want[1]
	if !slices.Equal(got, want) {
		t.Errorf("order %q, want %q", got, want)
	}
}
