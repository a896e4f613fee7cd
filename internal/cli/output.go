package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"foresee/watch/sensor"
)

// What a folder holds, as holds reports it.
const (
	holdsNothing = ""               // there is no such folder, or it is empty
	holdsDataset = "a dataset"      // meta.json beside .npy columns
	holdsModel   = "a model"        // config.json and weights.safetensors
	holdsSensors = "a sensor model" // sensor.json
	holdsOther   = "other files"    // anything else
)

// holds says what is in the folder dir, leftovers of a killed command apart. A
// path that is not a folder is an error.
func holds(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return holdsNothing, nil
	case err != nil:
		info, statErr := os.Stat(dir)
		if statErr == nil && !info.IsDir() {
			return "", fmt.Errorf("%s is a file, not a folder", dir)
		}
		return "", fmt.Errorf("look into %s: %w", dir, err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return strings.HasPrefix(e.Name(), ".tmp-") }) // of a killed command
	if len(entries) == 0 {
		return holdsNothing, nil
	}
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	columns := false
	for _, e := range entries {
		columns = columns || strings.HasSuffix(e.Name(), ".npy")
	}
	switch {
	case has(sensor.ModelFile):
		return holdsSensors, nil
	case has("meta.json") && columns:
		return holdsDataset, nil
	case has("config.json") && (has("weights.safetensors") || has("state.safetensors")):
		return holdsModel, nil
	}
	return holdsOther, nil
}

// freshOutput wants that dir does not exist or is empty, so that a command that
// makes a new folder never mixes its files with others.
func freshOutput(dir string) error {
	return outputFor(dir)
}

// outputFor wants that dir is free or already holds one of the kinds listed,
// which the command knows how to continue.
func outputFor(dir string, kinds ...string) error {
	kind, err := holds(dir)
	if err != nil {
		return fmt.Errorf("output: %w", err)
	}
	if kind == holdsNothing {
		return nil
	}
	for _, k := range kinds {
		if kind == k {
			return nil
		}
	}
	return fmt.Errorf("output: %s already holds %s; give another folder with -o, or remove it first", dir, kind)
}
