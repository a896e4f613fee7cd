package data

import (
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"text/tabwriter"
)

// inspectRows bounds the rows of a column that Inspect reads.
const inspectRows = 4096

// An Inspection says what is in a dataset.
type Inspection struct {
	Dir       string         `json:"dir"`
	Meta      Meta           `json:"meta"`
	SizeBytes int64          `json:"size_bytes"` // of all files in the folder
	Shortest  int            `json:"shortest"`   // steps of the shortest episode
	Longest   int            `json:"longest"`    // steps of the longest episode
	Columns   []ColumnReport `json:"columns"`    // pixels first, then as in Meta
}

// A ColumnReport gives the range of a column over evenly spread rows, at most
// 4096, the first and the last among them. Min, Max, Mean and Std (of the
// sampled numbers themselves, not of a population) leave out what is not finite;
// they are 0 where nothing is finite.
type ColumnReport struct {
	Name       string  `json:"name"`
	Type       DType   `json:"dtype"`
	Shape      []int   `json:"shape"`
	Privileged bool    `json:"privileged"`
	Rows       int     `json:"rows"`       // rows read
	NonFinite  int     `json:"non_finite"` // NaN and infinite numbers among them
	Min        float64 `json:"min"`
	Max        float64 `json:"max"`
	Mean       float64 `json:"mean"`
	Std        float64 `json:"std"`
}

// Inspect reads a sample of an open dataset. The error is that of measuring the
// files of its folder.
func Inspect(d *Dataset) (Inspection, error) {
	in := Inspection{Dir: d.dir, Meta: d.Meta(), Shortest: slices.Min(d.lengths), Longest: slices.Max(d.lengths)}
	err := filepath.WalkDir(d.dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			in.SizeBytes += info.Size()
		}
		return err
	})
	if err != nil {
		return Inspection{}, fmt.Errorf("data: inspect %s: %w", d.dir, err)
	}
	if f := d.meta.Frame; f != (Frame{}) {
		r := ColumnReport{Name: colPixels, Type: "uint8", Shape: []int{d.Steps(), f.Height, f.Width, f.Channels}}
		var m moments
		r.Rows = sample(d.Steps(), inspectRows, func(step int) { m.bytes(d.Frame(step)) })
		in.Columns = append(in.Columns, r.with(m))
	}
	for _, c := range d.columns {
		r := ColumnReport{Name: c.meta.Name, Type: c.meta.Type, Shape: []int{d.Steps(), c.Width()}, Privileged: c.meta.Privileged}
		var m moments
		r.Rows = sample(d.Steps(), inspectRows, func(step int) { m.floats(c.Row(step)) })
		in.Columns = append(in.Columns, r.with(m))
	}
	return in, nil
}

// sample visits at most limit of n places, evenly spread, both ends included,
// and returns how many.
func sample(n, limit int, visit func(i int)) int {
	k := min(n, limit)
	for i := range k {
		visit(spread(i, k, n))
	}
	return k
}

// spread returns place i of k spread evenly over 0 to n-1, ends included.
func spread(i, k, n int) int {
	if k < 2 {
		return 0
	}
	return i * (n - 1) / (k - 1)
}

// moments gathers numbers by Welford's method: mean and m2, the sum of squared
// distances from it, are weighted updates.
//
// Source: Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for
// Computing Sample Variances", 1979, equation 2.1, with one new value n times.
type moments struct {
	n, bad   int
	min, max float64
	mean, m2 float64
}

// add adds v, which occurred times times.
func (m *moments) add(v float64, times int) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		m.bad += times
		return
	}
	if m.n == 0 {
		m.min, m.max = v, v
	}
	m.min, m.max = min(m.min, v), max(m.max, v)
	before, k := float64(m.n), float64(times)
	m.n += times
	gap := v - m.mean
	m.mean += gap * k / float64(m.n)
	m.m2 += gap * gap * before * k / float64(m.n)
}

func (m *moments) floats(row []float32) {
	for _, v := range row {
		m.add(float64(v), 1)
	}
}

func (m *moments) bytes(frame []uint8) {
	var count [256]int
	for _, v := range frame {
		count[v]++
	}
	for v, n := range count {
		if n > 0 {
			m.add(float64(v), n)
		}
	}
}

// with returns the report with the moments filled in.
func (r ColumnReport) with(m moments) ColumnReport {
	r.NonFinite, r.Min, r.Max, r.Mean = m.bad, m.min, m.max, m.mean
	if m.n > 0 {
		r.Std = math.Sqrt(m.m2 / float64(m.n))
	}
	return r
}

// WriteText writes the inspection as a table for people.
func (in Inspection) WriteText(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	m := in.Meta
	fmt.Fprintf(t, "dataset\t%s\n", in.Dir)
	for _, line := range [][2]string{{"name", m.Name}, {"source", m.Source}, {"made by", m.Generator}} {
		if line[1] != "" {
			fmt.Fprintf(t, "%s\t%s\n", line[0], line[1])
		}
	}
	fmt.Fprintf(t, "size\t%.1f MB\n", float64(in.SizeBytes)/1e6)
	fmt.Fprintf(t, "episodes\t%d of %d to %d steps, %d steps in all\n", m.Episodes, in.Shortest, in.Longest, m.Steps)
	if m.FPS > 0 {
		fmt.Fprintf(t, "rate\t%g steps a second\n", m.FPS)
	}
	fmt.Fprintf(t, "seed\t%d\n\n", m.Seed)
	fmt.Fprint(t, "column\tdtype\tshape\tmin\tmax\tmean\tstd\trows read\t\n")
	for _, c := range in.Columns {
		note := ""
		if c.Privileged {
			note = "privileged"
		}
		if c.NonFinite > 0 {
			note += fmt.Sprintf(" %d not finite", c.NonFinite)
		}
		fmt.Fprintf(t, "%s\t%s\t%v\t%.4g\t%.4g\t%.4g\t%.4g\t%d\t%s\n", c.Name, c.Type, c.Shape, c.Min, c.Max, c.Mean, c.Std, c.Rows, note)
	}
	return t.Flush()
}
