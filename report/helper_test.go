package report_test

import (
	"fmt"
	"strings"
	"testing"
)

func pathOf(t *testing.T, svg string) string {
	t.Helper()
	_, rest, ok := strings.Cut(svg, `<path d="`)
	if !ok {
		t.Fatalf("no path in %s", svg)
	}
	d, _, _ := strings.Cut(rest, `"`)
	return d
}

func sscan(s string, x, y *float64) (int, error) { return fmt.Sscan(s, x, y) }
