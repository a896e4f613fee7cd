package data

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Element types of the .npy files that a dataset holds, as numpy spells them.
const (
	descrUint8   = "|u1"
	descrFloat32 = "<f4"
	descrInt64   = "<i8"
)

// npyMagic opens every .npy file; npyAlign is what numpy aligns its data to.
// Source: numpy/lib/format.py, "Format Version 1.0" and "2.0".
const (
	npyMagic     = "\x93NUMPY"
	npyAlign     = 64
	npyMaxHeader = 1 << 16
	npyMaxDims   = 32
)

// npyHeader is what the header of a .npy file says. Data is in C order.
type npyHeader struct {
	descr string
	shape []int
	size  int // bytes of the header, where the data starts
}

// itemSize returns the bytes of one element, 0 for a type that is not ours.
func (h npyHeader) itemSize() int {
	switch h.descr {
	case descrUint8:
		return 1
	case descrFloat32:
		return 4
	case descrInt64:
		return 8
	}
	return 0
}

// dataBytes returns the bytes that follow the header, or an error if they
// would not fit an int.
func (h npyHeader) dataBytes() (int, error) {
	n := h.itemSize()
	for _, d := range h.shape {
		if d == 0 {
			return 0, nil
		}
		if n > math.MaxInt/d {
			return 0, fmt.Errorf("shape %v is too large", h.shape)
		}
		n *= d
	}
	return n, nil
}

// encode returns the header as numpy writes it: version 1.0, padded with spaces
// so that the data starts at a multiple of 64 and the first axis can grow to any
// number of steps in place. The result is 128 bytes for every shape of at most 4 axes
// that a dataset may hold, whatever the number of steps, so it can be patched.
func (h npyHeader) encode() []byte {
	dims := make([]string, len(h.shape))
	for i, d := range h.shape {
		dims[i] = strconv.Itoa(d)
	}
	shape := strings.Join(dims, ", ")
	if len(dims) == 1 {
		shape += ","
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", h.descr, shape)
	const prefix = len(npyMagic) + 4
	growth := 0 // numpy leaves room for 21 digits of the first axis
	if len(dims) > 0 {
		growth = 21 - len(dims[0])
	}
	size := ((prefix+len(dict)+growth+1)/npyAlign + 1) * npyAlign
	out := append(make([]byte, 0, size), npyMagic...)
	out = append(out, 1, 0)
	out = binary.LittleEndian.AppendUint16(out, uint16(size-prefix))
	out = append(out, dict...)
	out = append(out, bytes.Repeat([]byte{' '}, size-prefix-len(dict)-1)...)
	return append(out, '\n')
}

// readNpyHeader parses the header at the start of r. Versions 1.0 and 2.0,
// little-endian, C order; anything else is an error that says what it met.
func readNpyHeader(r io.Reader) (npyHeader, error) {
	var fixed [8]byte
	if _, err := io.ReadFull(r, fixed[:]); err != nil {
		return npyHeader{}, errors.New("too short for a .npy header")
	}
	if string(fixed[:6]) != npyMagic {
		return npyHeader{}, errors.New("not a .npy file: the magic bytes are missing")
	}
	lenBytes := 2
	switch {
	case fixed[6] == 1 && fixed[7] == 0:
	case fixed[6] == 2 && fixed[7] == 0:
		lenBytes = 4
	default:
		return npyHeader{}, fmt.Errorf(".npy version %d.%d is not supported, only 1.0 and 2.0", fixed[6], fixed[7])
	}
	var length [4]byte
	if _, err := io.ReadFull(r, length[:lenBytes]); err != nil {
		return npyHeader{}, errors.New("too short for a .npy header")
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > npyMaxHeader {
		return npyHeader{}, fmt.Errorf("a .npy header of %d bytes is not plausible", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return npyHeader{}, errors.New("the .npy header is cut short")
	}
	h, err := parseNpyDict(string(text))
	h.size = len(fixed) + lenBytes + int(n)
	return h, err
}

// parseNpyDict reads the Python dictionary of a header: exactly the keys descr,
// fortran_order and shape, each once.
func parseNpyDict(text string) (npyHeader, error) {
	p := npyParser{rest: text}
	var h npyHeader
	seen := map[string]bool{}
	p.expect("{")
	for p.err == nil && !p.accept("}") {
		key := p.quoted()
		p.expect(":")
		if p.err == nil && seen[key] {
			p.fail("key %q twice", key)
		}
		seen[key] = true
		switch key {
		case "descr":
			h.descr = p.quoted()
		case "fortran_order":
			if p.accept("True") {
				p.fail("Fortran order is not supported: save it in C order")
			} else {
				p.expect("False")
			}
		case "shape":
			h.shape = p.tuple()
		default:
			p.fail("unknown key %q", key)
		}
		if !p.accept(",") {
			p.expect("}")
			break
		}
	}
	p.skip()
	if p.err == nil && p.rest != "" {
		p.fail("text after the dictionary")
	}
	if p.err == nil && len(seen) != 3 {
		p.fail("want the keys descr, fortran_order and shape")
	}
	if p.err == nil && h.itemSize() == 0 {
		p.fail("element type %q is not supported, only %q, %q and %q", h.descr, descrUint8, descrFloat32, descrInt64)
	}
	if p.err == nil {
		_, p.err = h.dataBytes()
	}
	return h, p.err
}

// npyParser walks the header text; after the first fault every call is a no-op.
type npyParser struct {
	rest string
	err  error
}

func (p *npyParser) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(".npy header: "+format, args...)
	}
}

func (p *npyParser) skip() { p.rest = strings.TrimLeft(p.rest, " \t\n\r") }

func (p *npyParser) accept(token string) bool {
	p.skip()
	rest, ok := strings.CutPrefix(p.rest, token)
	if p.err != nil || !ok {
		return false
	}
	p.rest = rest
	return true
}

func (p *npyParser) expect(token string) {
	if !p.accept(token) {
		p.fail("%q is missing", token)
	}
}

// quoted reads a string in single or double quotes, without escapes.
func (p *npyParser) quoted() string {
	quote := "'"
	if !p.accept(quote) {
		quote = `"`
		p.expect(quote)
	}
	if p.err != nil {
		return ""
	}
	text, rest, ok := strings.Cut(p.rest, quote)
	if !ok {
		p.fail("a string does not end")
		return ""
	}
	p.rest = rest
	return text
}

// tuple reads (), (n,) or (n, m, ...).
func (p *npyParser) tuple() []int {
	p.expect("(")
	var dims []int
	for p.err == nil && !p.accept(")") {
		p.skip()
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		n, err := strconv.Atoi(p.rest[:digits])
		if err != nil {
			p.fail("a length in shape is not a number, or too large")
			break
		}
		p.rest = p.rest[digits:]
		if dims = append(dims, n); len(dims) > npyMaxDims {
			p.fail("more than %d axes", npyMaxDims)
		}
		if !p.accept(",") {
			if len(dims) == 1 {
				p.fail("shape is a number, not a tuple")
			}
			p.expect(")")
			break
		}
	}
	return dims
}
