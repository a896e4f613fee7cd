package cli

import (
	"bytes"
	"context"
	"fmt"
	"math"

	"foresee/data"
	"foresee/report"
)

// inspectDataset describes a dataset, as a table or as a document, and draws a
// contact sheet where sheet names a file.
func inspectDataset(ctx context.Context, a *app, dir, sheet string) error {
	ds, err := data.Open(dir)
	if err != nil {
		return err
	}
	defer ds.Close()
	in, err := data.Inspect(ds)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if sheet != "" {
		if err := drawSheet(ds, sheet); err != nil {
			return fmt.Errorf("inspect: --sheet %s: %w", sheet, err)
		}
		a.log.Info("contact sheet", "file", sheet)
	}
	if !a.flags.JSON {
		return in.WriteText(a.stdout)
	}
	d := a.document(in.Meta.Seed, 0)
	d.Add(datasetRows(in)...)
	return a.print(d)
}

// datasetRows are the figures of an inspection.
func datasetRows(in data.Inspection) []report.Row {
	m := in.Meta
	source := m.Name
	if m.Source != "" {
		source += ", " + m.Source
	}
	rows := []report.Row{
		{Name: "inspect/dataset/episodes", Value: float64(m.Episodes), Unit: "1", Note: source},
		{Name: "inspect/dataset/steps", Value: float64(m.Steps), Unit: "1", Note: fmt.Sprintf("episodes of %d to %d steps", in.Shortest, in.Longest)},
		{Name: "inspect/dataset/bytes", Value: float64(in.SizeBytes), Unit: "B"},
		{Name: "inspect/dataset/fps", Value: m.FPS, Unit: "frames/s"},
		{Name: "inspect/dataset/height", Value: float64(m.Frame.Height), Unit: "px"},
		{Name: "inspect/dataset/width", Value: float64(m.Frame.Width), Unit: "px"},
		{Name: "inspect/dataset/channels", Value: float64(m.Frame.Channels), Unit: "1"},
	}
	for _, c := range in.Columns {
		rows = append(rows, columnRows(c)...)
	}
	return rows
}

// columnRows are the figures of a column; NaN where no number was finite.
func columnRows(c data.ColumnReport) []report.Row {
	note := fmt.Sprintf("%s %v", c.Type, c.Shape)
	if c.Privileged {
		note += ", privileged: for probes and evaluation alone"
	}
	numbers := c.Rows
	for _, n := range c.Shape[1:] {
		numbers *= n
	}
	if c.NonFinite > 0 {
		note += fmt.Sprintf("; %d of %d numbers are not finite and left out", c.NonFinite, numbers)
	}
	values := []float64{c.Min, c.Mean, c.Std, c.Max}
	if c.NonFinite == numbers {
		values = []float64{math.NaN(), math.NaN(), math.NaN(), math.NaN()}
	}
	var rows []report.Row
	for i, what := range []string{"min", "mean", "std", "max"} {
		rows = append(rows, report.Row{Name: "inspect/dataset/" + c.Name + "/" + what, Value: values[i], Unit: "1", N: c.Rows, Note: note})
		note = ""
	}
	return rows
}

// drawSheet writes the contact sheet to a PNG file, which appears whole or not at
// all.
func drawSheet(ds *data.Dataset, path string) error {
	var b bytes.Buffer
	if err := data.WriteSheet(&b, ds, data.SheetConfig{}); err != nil {
		return err
	}
	return report.ReplaceFile(path, b.Bytes())
}
