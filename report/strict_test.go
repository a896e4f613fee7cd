package report_test

import (
	"strings"
	"testing"

	"foresee/report"
)

func TestDecodeVersion(t *testing.T) {
	for raw, says := range map[string]string{
		`{"version": 2, "a": 5}`:        "",
		`{"version": 3, "news": {}}`:    "format version 3 is newer than this program's 2",
		`{"version": 1, "a": 5}`:        "format version 1, want 2",
		`{"a": 5}`:                      "format version 0, want 2",
		`{"version": 2, "b": 5}`:        `unknown field "b"`,
		`{"version": 2} {"version": 2}`: "more data after the document",
		`{"version": 2, "a": "five"}`:   "cannot unmarshal",
		`{"version": 2`:                 "unexpected EOF",
	} {
		var into struct{ Version, A int }
		err := report.DecodeVersion([]byte(raw), 2, &into)
		switch {
		case says == "" && (err != nil || into.A != 5):
			t.Errorf("%s: %v, %v", raw, into, err)
		case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
			t.Errorf("%s: error %v, want %q", raw, err, says)
		}
	}
}
