package train

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
)

// Merge overlays YAML text onto c: fields that the text names are replaced, all
// others stay. An unknown field is an error that shows the line.
func (c *Config) Merge(text []byte) error {
	next := *c
	err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&next)
	if errors.Is(err, io.EOF) { // no document: the decoder has emptied next
		return nil
	}
	if err == nil {
		*c = next
	}
	return err
}

// MergeFile is Merge with the content of a file.
func (c *Config) MergeFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("train: config: %w", err)
	}
	if err := c.Merge(text); err != nil {
		return fmt.Errorf("train: config %s: %w", path, err)
	}
	return nil
}

// Set overlays one assignment such as "train.log_every=1"; the value is YAML.
func (c *Config) Set(assignment string) error {
	path, value, ok := strings.Cut(assignment, "=")
	if !ok || path == "" {
		return fmt.Errorf("train: set %q: want path=value, such as train.log_every=1", assignment)
	}
	var text strings.Builder
	keys := strings.Split(path, ".")
	for i, key := range keys {
		fmt.Fprintf(&text, "%s%s:", strings.Repeat("  ", i), key)
		if i < len(keys)-1 {
			text.WriteByte('\n')
		}
	}
	fmt.Fprintf(&text, " %s\n", value)
	if err := c.Merge([]byte(text.String())); err != nil {
		return fmt.Errorf("train: set %q: %w", assignment, err)
	}
	return nil
}

// Scale sets the steps of the first stage that has any to n and keeps the ratio
// of the later stages to it, at least one step each.
func (c *Config) Scale(n int) {
	stages := []*int{&c.Train.Pixels.Steps, &c.Train.Latents.Steps, &c.Train.Usual.Steps, &c.Train.Displacement.Steps}
	ratio := 0.0
	for _, steps := range stages {
		if *steps == 0 {
			continue
		}
		if ratio == 0 {
			ratio = float64(n) / float64(*steps)
		}
		*steps = max(1, int(ratio*float64(*steps)+0.5))
	}
}
