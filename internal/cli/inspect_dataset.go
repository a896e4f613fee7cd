package cli

import (
	"context"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"

	"foresee/data"
	"foresee/report"
)

// inspectDataset prints sizes and ranges of a dataset, reading all of it, and
// draws a contact sheet where sheet names a file.
func inspectDataset(ctx context.Context, a *app, dir, sheet string) error {
	ds, err := data.Open(dir)
	if err != nil {
		return err
	}
	defer ds.Close()
	m := ds.Meta()
	d := a.document(m.Seed, 0)
	source := m.Name
	if m.Source != "" {
		source += ", " + m.Source
	}
	d.Add(
		report.Row{Name: "inspect/dataset/episodes", Value: float64(m.Episodes), Unit: "1", Note: source},
		report.Row{Name: "inspect/dataset/steps", Value: float64(m.Steps), Unit: "1", Note: lengths(ds)},
		report.Row{Name: "inspect/dataset/fps", Value: m.FPS, Unit: "frames/s", Note: clock(m.FPS)},
		report.Row{Name: "inspect/dataset/height", Value: float64(m.Frame.Height), Unit: "px"},
		report.Row{Name: "inspect/dataset/width", Value: float64(m.Frame.Width), Unit: "px"},
		report.Row{Name: "inspect/dataset/channels", Value: float64(m.Frame.Channels), Unit: "1"},
	)
	if m.Frame.Size() > 0 {
		var r numberRange
		if err := overEpisodes(ctx, ds, func(step, n int) { r.bytes(ds.FrameRange(step, n)) }); err != nil {
			return err
		}
		d.Add(r.rows("pixels", "uint8")...)
	}
	for _, c := range m.Columns {
		column, _ := ds.Column(c.Name)
		note := fmt.Sprintf("%s x %d", c.Type, c.Width)
		if c.Privileged {
			column, _ = ds.Privileged(c.Name)
			note += ", privileged: for probes and evaluation alone"
		}
		var r numberRange
		if err := overEpisodes(ctx, ds, func(step, n int) { r.floats(column.Rows(step, n)) }); err != nil {
			return err
		}
		d.Add(r.rows(c.Name, note)...)
	}
	if sheet != "" {
		if err := drawSheet(ds, sheet); err != nil {
			return fmt.Errorf("inspect: --sheet %s: %w", sheet, err)
		}
		a.log.Info("contact sheet", "file", sheet)
	}
	return a.print(d)
}

func clock(fps float64) string {
	if fps == 0 {
		return "no clock"
	}
	return ""
}

// lengths says how long the episodes are.
func lengths(ds *data.Dataset) string {
	shortest, longest := math.MaxInt, 0
	for e := range ds.Episodes() {
		_, n := ds.Episode(e)
		shortest, longest = min(shortest, n), max(longest, n)
	}
	if shortest == longest {
		return fmt.Sprintf("episodes of %d steps", longest)
	}
	return fmt.Sprintf("episodes of %d to %d steps", shortest, longest)
}

// overEpisodes calls visit with the first step and the length of each episode
// until ctx ends.
func overEpisodes(ctx context.Context, ds *data.Dataset, visit func(step, n int)) error {
	for e := range ds.Episodes() {
		if err := ctx.Err(); err != nil {
			return err
		}
		visit(ds.Episode(e))
	}
	return nil
}

// numberRange gathers the range of many numbers. Those that are not finite are
// counted and left out of the range.
type numberRange struct {
	n, bad  int
	lo, hi  float64
	sum     float64
	started bool
}

func (r *numberRange) add(v float64) {
	r.n++
	if math.IsNaN(v) || math.IsInf(v, 0) {
		r.bad++
		return
	}
	if !r.started {
		r.lo, r.hi, r.started = v, v, true
	}
	r.lo, r.hi, r.sum = min(r.lo, v), max(r.hi, v), r.sum+v
}

func (r *numberRange) floats(values []float32) {
	for _, v := range values {
		r.add(float64(v))
	}
}

// bytes adds many bytes by counting each value.
func (r *numberRange) bytes(values []uint8) {
	var count [256]int
	for _, v := range values {
		count[v]++
	}
	for v, n := range count {
		if n > 0 {
			r.add(float64(v))
			r.sum += float64(v) * float64(n-1)
			r.n += n - 1
		}
	}
}

// rows are the figures of a column; NaN where no number was finite.
func (r *numberRange) rows(column, note string) []report.Row {
	if r.bad > 0 {
		note += fmt.Sprintf("; %d of %d numbers are not finite and left out", r.bad, r.n)
	}
	lo, mean, hi := math.NaN(), math.NaN(), math.NaN()
	if r.started {
		lo, mean, hi = r.lo, r.sum/float64(r.n-r.bad), r.hi
	}
	name := "inspect/dataset/" + column + "/"
	return []report.Row{
		{Name: name + "min", Value: lo, Unit: "1", Note: note},
		{Name: name + "mean", Value: mean, Unit: "1"},
		{Name: name + "max", Value: hi, Unit: "1"},
	}
}

// A contact sheet shows at most sheetSide episodes, one a row, and as many
// frames of each, evenly spread, enlarged to about sheetPixels a side.
const (
	sheetSide   = 8
	sheetPixels = 128
	sheetGap    = 4
)

// drawSheet writes the contact sheet to a PNG file, which appears complete or
// not at all.
func drawSheet(ds *data.Dataset, path string) error {
	h, w, c := ds.FrameShape()
	if h*w*c == 0 {
		return fmt.Errorf("the dataset has no pixels")
	}
	side := max(h, w)
	zoom := max(1, (sheetPixels+side/2)/side)
	rows := min(sheetSide, ds.Episodes())
	cellH, cellW := zoom*h+sheetGap, zoom*w+sheetGap
	m := image.NewNRGBA(image.Rect(0, 0, sheetSide*cellW+sheetGap, rows*cellH+sheetGap))
	draw.Draw(m, m.Bounds(), image.NewUniform(color.Gray{128}), image.Point{}, draw.Src)
	for r := range rows {
		first, n := ds.Episode(spread(r, rows, ds.Episodes()))
		for i := range min(sheetSide, n) {
			frame := report.FrameImage(ds.Frame(first+spread(i, min(sheetSide, n), n)), h, w, c)
			enlarge(m, frame, image.Pt(sheetGap+i*cellW, sheetGap+r*cellH), zoom)
		}
	}
	return writePNG(path, m)
}

// spread returns place i of k places spread evenly over 0..n-1, ends included.
func spread(i, k, n int) int {
	if k < 2 {
		return 0
	}
	return i * (n - 1) / (k - 1)
}

// enlarge draws src with its corner at p, each pixel as a square of zoom pixels.
func enlarge(dst *image.NRGBA, src image.Image, p image.Point, zoom int) {
	b := src.Bounds()
	for y := range b.Dy() * zoom {
		for x := range b.Dx() * zoom {
			dst.Set(p.X+x, p.Y+y, src.At(b.Min.X+x/zoom, b.Min.Y+y/zoom))
		}
	}
}

// writePNG writes the picture under a temporary name, syncs and renames it.
func writePNG(path string, m image.Image) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-"+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := png.Encode(f, m); err != nil {
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
