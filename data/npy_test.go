package data

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
)

// Golden headers: the first 128 bytes of numpy 2.4.6's np.save of arrays of
// these types and shapes.
var goldenHeaders = []struct {
	h    npyHeader
	dict string
}{
	{npyHeader{descr: "<f4", shape: []int{2, 3}}, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"},
	{npyHeader{descr: "|u1", shape: []int{3, 1, 2, 2}}, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1, 2, 2), }"},
	{npyHeader{descr: "<i8", shape: []int{2}}, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }"},
}

func TestNpyGolden(t *testing.T) {
	for _, g := range goldenHeaders {
		want := "\x93NUMPY\x01\x00v\x00" + g.dict + strings.Repeat(" ", 117-len(g.dict)) + "\n"
		if got := string(g.h.encode()); got != want {
			t.Errorf("header of %v\n got %q\nwant %q", g.h.shape, got, want)
		}
		h, err := readNpyHeader(strings.NewReader(want + "data"))
		if err != nil {
			t.Fatal(err)
		}
		if h.descr != g.h.descr || !slices.Equal(h.shape, g.h.shape) || h.size != 128 {
			t.Errorf("parsed %+v, want %+v of 128 bytes", h, g.h)
		}
	}
	// np.lib.format.write_array(..., version=(2, 0)) of numpy 2.4.6.
	dict := goldenHeaders[2].dict
	v2 := "\x93NUMPY\x02\x00t\x00\x00\x00" + dict + strings.Repeat(" ", 115-len(dict)) + "\n"
	if h, err := readNpyHeader(strings.NewReader(v2)); err != nil || h.size != 128 {
		t.Errorf("version 2.0: %+v, %v", h, err)
	}
}

func TestNpyHeaderKeepsItsLength(t *testing.T) {
	for _, steps := range []int{0, 1, 1e6, math.MaxInt} {
		for _, row := range [][]int{{}, {1}, {maxWidth}, {maxSide, maxSide, maxSide}} {
			h := npyHeader{descr: descrUint8, shape: append([]int{steps}, row...)}
			if n := len(h.encode()); n != 128 {
				t.Errorf("header of %v has %d bytes, want 128", h.shape, n)
			}
		}
	}
}

func TestNpyHeaderRefuses(t *testing.T) {
	cases := map[string]string{
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2), }":                       "not a tuple",
		"{'descr': '<f4', 'fortran_order': False}":                                       "want the keys",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}":                `unknown key "x"`,
		"{'descr': '<f4', 'descr': '<f4', 'shape': (2,)}":                                "twice",
		"{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}":                        `"<f8" is not supported`,
		"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,)}":               "missing",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}":                       "not a number",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 9999999999, 3)}": "too large",
		"{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x":                      "after the dictionary",
		"{'descr': '<f4": "does not end",
		"":               `"{" is missing`,
	}
	for dict, part := range cases {
		if _, err := parseNpyDict(dict); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: error %v, want one with %q", dict, err, part)
		}
	}
	long := "\x93NUMPY\x02\x00\xff\xff\xff\xff"
	if _, err := readNpyHeader(strings.NewReader(long)); err == nil {
		t.Error("a header of 4 GiB was believed")
	}
}

func FuzzNpyHeader(f *testing.F) {
	for _, g := range goldenHeaders {
		f.Add(g.h.encode())
	}
	f.Add([]byte("\x93NUMPY\x02\x00\x10\x00\x00\x00{'descr': \"<f4\"}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := readNpyHeader(bytes.NewReader(b))
		if err != nil {
			return
		}
		if h.size > len(b) {
			t.Fatalf("header of %d bytes in %d", h.size, len(b))
		}
		again, err := readNpyHeader(bytes.NewReader(h.encode()))
		if err != nil {
			t.Fatalf("own header of %+v: %v", h, err)
		}
		if again.descr != h.descr || !slices.Equal(again.shape, h.shape) {
			t.Fatalf("%+v came back as %+v", h, again)
		}
	})
}

func FuzzMeta(f *testing.F) {
	good := Meta{Format: 1, Steps: 3, Episodes: 1, Frame: Frame{1, 2, 3}, Columns: []ColumnMeta{{Name: "action", Type: Float32, Width: 2}}}
	text, _ := good.encode()
	f.Add(text)
	f.Add([]byte(`{"format": 2}`))
	f.Add([]byte(`{"format": 1, "frame": {"height": 1e99}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeMeta(b)
		if err != nil {
			return
		}
		text, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := DecodeMeta(text)
		if err != nil {
			t.Fatalf("own meta: %v", err)
		}
		a, _ := json.Marshal(m)
		if c, _ := json.Marshal(again); !bytes.Equal(a, c) {
			t.Fatalf("%s came back as %s", a, c)
		}
	})
}
