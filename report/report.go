package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
)

// Row is one reported figure.
//
// Name is stable and slash-separated, "plan/tworooms/success"; the part before the last slash is
// its group. Value is in Unit ("ratio", "ms", "px", "gflops", "1" for a pure number). N is the
// number of trials, 0 where that means nothing. Lo and Hi bound a 95 % interval, or are nil.
type Row struct {
	Name  string
	Value float64
	Unit  string
	N     int
	Lo    *float64
	Hi    *float64
	Note  string
}

// rowJSON is Row on the wire: null stands for a value that is not finite.
type rowJSON struct {
	Name  string   `json:"name"`
	Value *float64 `json:"value"`
	Unit  string   `json:"unit"`
	N     int      `json:"n,omitempty"`
	Lo    *float64 `json:"lo,omitempty"`
	Hi    *float64 `json:"hi,omitempty"`
	Note  string   `json:"note,omitempty"`
}

// MarshalJSON writes the row; a value or bound that is not finite becomes null or is left out.
func (r Row) MarshalJSON() ([]byte, error) {
	return marshal(rowJSON{r.Name, finite(&r.Value), r.Unit, r.N, finite(r.Lo), finite(r.Hi), r.Note})
}

// UnmarshalJSON reads a row; a null value becomes NaN, an unknown field is an error.
func (r *Row) UnmarshalJSON(b []byte) error {
	var j rowJSON
	if err := strict(bytes.NewReader(b), &j); err != nil {
		return err
	}
	*r = Row{j.Name, math.NaN(), j.Unit, j.N, j.Lo, j.Hi, j.Note}
	if j.Value != nil {
		r.Value = *j.Value
	}
	return nil
}

// Validate reports what makes a row unfit for printing: no name or unit, a negative N, half an
// interval, or one that does not hold the value.
func (r Row) Validate() error {
	var errs []error
	if r.Name == "" || strings.HasPrefix(r.Name, "/") || strings.HasSuffix(r.Name, "/") {
		errs = append(errs, fmt.Errorf("report: row name %q", r.Name))
	}
	if r.Unit == "" {
		errs = append(errs, fmt.Errorf("report: row %s has no unit", r.Name))
	}
	if r.N < 0 {
		errs = append(errs, fmt.Errorf("report: row %s: n = %d", r.Name, r.N))
	}
	switch {
	case (r.Lo == nil) != (r.Hi == nil):
		errs = append(errs, fmt.Errorf("report: row %s has one bound of an interval only", r.Name))
	case r.Lo != nil && (r.Value < *r.Lo || r.Value > *r.Hi):
		errs = append(errs, fmt.Errorf("report: row %s: %g is outside [%g, %g]", r.Name, r.Value, *r.Lo, *r.Hi))
	}
	return errors.Join(errs...)
}

// isReference reports whether a part of a name marks floors, oracles and ceilings.
func isReference(part string) bool { return part == "floor" || part == "oracle" || part == "ceiling" }

// group is the part of the name that rows shown together share; "floor" and the like are no groups of their own.
func (r Row) group() string {
	g, _, ok := cutLast(r.Name)
	if !ok {
		return ""
	}
	if head, last, ok := cutLast(g); ok && isReference(last) {
		return head
	}
	return g
}

// reference reports whether the row is a floor or an oracle rather than a score.
func (r Row) reference() bool {
	g, last, _ := cutLast(r.Name)
	_, above, _ := cutLast(g)
	return isReference(last) || isReference(above)
}

func cutLast(s string) (head, last string, found bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// Machine names the computer a figure was measured on. SgemmGFLOPS is its matrix-product rate in
// the same run, 10^9 floating-point operations a second; 0 means not measured.
type Machine struct {
	CPU         string  `json:"cpu"`
	Cores       int     `json:"cores"`
	SgemmGFLOPS float64 `json:"sgemm_gflops,omitempty"`
}

// ThisMachine describes the computer the program runs on; the caller measures the sgemm rate.
// Cores counts those the process may use. CPU falls back to the architecture's name.
func ThisMachine(sgemmGFLOPS float64) Machine {
	m := Machine{CPU: runtime.GOARCH, Cores: runtime.NumCPU(), SgemmGFLOPS: sgemmGFLOPS}
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return m
	}
	if name := cpuName(string(b)); name != "" {
		m.CPU = name
	}
	return m
}

func cpuName(info string) string {
	for line := range strings.Lines(info) {
		key, value, ok := strings.Cut(line, ":")
		if ok && strings.TrimSpace(key) == "model name" {
			return strings.Join(strings.Fields(value), " ")
		}
	}
	return ""
}

// Document is everything one command reports, the one shape that --json, report.html,
// docs/results and the dashboard share.
type Document struct {
	Command string
	Version string
	Seed    uint64
	Machine Machine
	Rows    []Row
}

type documentJSON struct {
	Command string  `json:"command"`
	Version string  `json:"version"`
	Seed    uint64  `json:"seed"`
	Machine Machine `json:"machine"`
	Rows    []Row   `json:"rows"`
}

// MarshalJSON writes the document on one line; no rows are an empty list, not null.
func (d Document) MarshalJSON() ([]byte, error) {
	j := documentJSON(d)
	if j.Rows == nil {
		j.Rows = []Row{}
	}
	return marshal(j)
}

// UnmarshalJSON reads a document and refuses unknown fields by name, in it and in its rows.
func (d *Document) UnmarshalJSON(b []byte) error {
	var j documentJSON
	if err := strict(bytes.NewReader(b), &j); err != nil {
		return err
	}
	*d = Document(j)
	return nil
}

// Add appends rows.
func (d *Document) Add(rows ...Row) { d.Rows = append(d.Rows, rows...) }

// Find returns the first row of that name.
func (d *Document) Find(name string) (Row, bool) {
	for _, r := range d.Rows {
		if r.Name == name {
			return r, true
		}
	}
	return Row{}, false
}

// Validate joins the faults of all rows and names those that occur twice.
func (d *Document) Validate() error {
	var errs []error
	seen := make(map[string]bool, len(d.Rows))
	for _, r := range d.Rows {
		if seen[r.Name] {
			errs = append(errs, fmt.Errorf("report: row %s occurs twice", r.Name))
		}
		seen[r.Name] = true
		errs = append(errs, r.Validate())
	}
	return errors.Join(errs...)
}

// Encode writes the document as indented JSON with a final newline.
func (d Document) Encode(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		return fmt.Errorf("report: write JSON: %w", err)
	}
	return nil
}

// Decode reads one document and refuses unknown fields and anything after it.
func Decode(r io.Reader) (Document, error) {
	var d Document
	if err := strict(r, &d); err != nil {
		return Document{}, fmt.Errorf("report: read JSON: %w", err)
	}
	return d, nil
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func finite(v *float64) *float64 {
	if v == nil || math.IsNaN(*v) || math.IsInf(*v, 0) {
		return nil
	}
	return v
}

// WriteFile writes the document as JSON to path, by a temporary file and a rename.
func (d Document) WriteFile(path string) error {
	var b bytes.Buffer
	if err := d.Encode(&b); err != nil {
		return err
	}
	return ReplaceFile(path, b.Bytes())
}
