package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"foresee/env/plant"
	"foresee/eval/plants"
	"foresee/report"
	"foresee/watch/sensor"
)

// collectPlantCmd writes readings of a simulated plant.
type collectPlantCmd struct {
	Plant string        `arg:"" help:"bearing, cstr, pendulum or quadtank."`
	Out   string        `short:"o" required:"" placeholder:"FILE.csv" help:"New file."`
	Days  float64       `default:"1" help:"Days to simulate (${default})."`
	Fault string        `placeholder:"NAME" help:"What goes wrong; --fault help lists what can."`
	After time.Duration `placeholder:"6h" help:"When it goes wrong, from the start on."`
	Seed  uint64        `default:"1" help:"Seed of inputs, disturbances and noise (${default})."`
}

// Run simulates and writes the file.
func (c *collectPlantCmd) Run(ctx context.Context, a *app) error {
	step := plant.Step(c.Plant)
	if c.Fault == "help" && step > 0 {
		return usagef("collect plant: faults of %s: %s", c.Plant, strings.Join(plant.Faults(c.Plant), ", "))
	}
	cfg := plant.Config{Plant: c.Plant, Seed: c.Seed, Readings: 1, Fault: c.Fault}
	if step > 0 {
		cfg.Readings, cfg.From = int(math.Round(c.Days*24*float64(time.Hour)/float64(step))), int(c.After/step)
	}
	if err := cfg.Validate(); err != nil {
		return usagef("collect: %w", err)
	}
	if _, err := os.Stat(c.Out); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("collect: %s exists already; give another file with -o, or remove it first", c.Out)
	}
	s, err := plant.Simulate(cfg)
	if err != nil {
		return err
	}
	if err := writeReadings(c.Out, plants.Table(s, c.Plant)); err != nil {
		return fmt.Errorf("collect: %w", err)
	}
	note := fmt.Sprintf("%s, one every %v, inputs %s", c.Out, step, strings.Join(plant.Inputs(c.Plant), ", "))
	return a.printRows(c.Seed, []report.Row{{Name: "collect/plant/readings", Value: float64(cfg.Readings), Unit: "1", Note: note}})
}

// writeReadings writes CSV that sensor.Read reads.
func writeReadings(path string, t *sensor.Table) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "time,%s\n", strings.Join(t.Channels, ","))
	for _, r := range t.Rows {
		b.WriteString(r.Time.Format(time.RFC3339Nano))
		for _, v := range r.Values {
			b.WriteByte(',')
			b.WriteString(strconv.FormatFloat(v, 'g', 9, 64))
		}
		b.WriteByte('\n')
	}
	return report.ReplaceFile(path, b.Bytes())
}
