package jepa

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"

	"foresee/report"
)

// Files of a model folder. A folder is a model when it holds ConfigFile.
const (
	ConfigFile     = "config.json"
	WeightsFile    = "weights.safetensors"
	NormalizerFile = "normalizer.json"
)

// landmarkTensor names the landmarks [K, D] in the weights file.
const landmarkTensor = "landmarks"

// Save writes config.json, normalizer.json and weights.safetensors to folder
// dir, each atomically, creating dir if needed. Optimizer moments (variables
// under a scope that keep reports false for) are left out; a nil keep keeps
// every variable.
func (m *Model) Save(dir string, keep func(name string) bool) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("jepa: save model: %w", err)
	}
	for name, value := range map[string]any{ConfigFile: m.net.Config, NormalizerFile: m.norm} {
		if err := writeJSON(filepath.Join(dir, name), value); err != nil {
			return fmt.Errorf("jepa: save model: %w", err)
		}
	}
	all, err := ReadStore(m.store, keep)
	if err != nil {
		return fmt.Errorf("jepa: save model: %w", err)
	}
	if len(m.landmark) > 0 {
		d := m.net.Config.Latent()
		all[landmarkTensor] = Tensor{Shape: []int{len(m.landmark) / d, d}, Data: m.landmark}
	}
	if err := WriteTensors(filepath.Join(dir, WeightsFile), all, map[string]string{"format": "foresee"}); err != nil {
		return fmt.Errorf("jepa: save model: %w", err)
	}
	return nil
}

// Load reads a model folder. Missing files, another format version, unknown
// config fields, truncated weights and tensors that are missing or have another
// shape are errors that name the file and the cause. Of a training that has not
// come to them, the predictor and the heads may be absent whole;
// using them is then an error.
func Load(backend compute.Backend, dir string) (*Model, error) {
	m, err := load(backend, dir)
	if err != nil {
		return nil, fmt.Errorf("jepa: load model %s: %w", dir, err)
	}
	return m, nil
}

func load(backend compute.Backend, dir string) (*Model, error) {
	var cfg Config
	if err := readConfig(filepath.Join(dir, ConfigFile), &cfg); err != nil {
		return nil, err
	}
	var norm Normalizer
	if err := readJSON(filepath.Join(dir, NormalizerFile), &norm); err != nil {
		return nil, err
	}
	if err := norm.validate(cfg); err != nil {
		return nil, fmt.Errorf("%s: %w", NormalizerFile, err)
	}
	all, _, err := ReadTensors(filepath.Join(dir, WeightsFile))
	if err != nil {
		return nil, err
	}
	landmarks, ok := all[landmarkTensor]
	delete(all, landmarkTensor)
	store := model.NewStore()
	if err := FillStore(store, all); err != nil {
		return nil, fmt.Errorf("%s: %w", WeightsFile, err)
	}
	m, err := New(backend, cfg, store)
	if err != nil {
		return nil, err
	}
	if err := m.checkComplete(all); err != nil {
		return nil, fmt.Errorf("%s: %w", WeightsFile, err)
	}
	if ok {
		if len(landmarks.Shape) != 2 || landmarks.Shape[1] != cfg.Latent() {
			return nil, fmt.Errorf("%s: landmarks have shape %v, want [K, %d]", WeightsFile, landmarks.Shape, cfg.Latent())
		}
		m.landmark = landmarks.Data
	}
	m.SetNormalizer(norm)
	return m, nil
}

func (n Normalizer) validate(cfg Config) error {
	check := func(name string, got, want int) error {
		if got != 0 && got != want { // empty counts as 0 or 1
			return fmt.Errorf("%s has %d numbers, the config needs %d", name, got, want)
		}
		return nil
	}
	scale := func(name string, ok bool) error {
		if !ok {
			return fmt.Errorf("%s is not positive", name)
		}
		return nil
	}
	return errors.Join(
		check("latent_mean", len(n.LatentMean), cfg.Latent()),
		check("static_mean", len(n.StaticMean), cfg.Encoder.Static),
		check("static_std", len(n.StaticStd), cfg.Encoder.Static),
		scale("latent_std", n.LatentStd >= 0),
		scale("static_std", !slices.ContainsFunc(n.StaticStd, func(s float32) bool { return !(s > 0) })))
}

// readConfig reads the version first, so that a model of another version is
// named as such and not as a list of unknown fields.
func readConfig(path string, cfg *Config) error {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("no %s: not a model folder", filepath.Base(path))
	}
	if err != nil {
		return err
	}
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	if head.Version != FormatVersion {
		return fmt.Errorf("%s: format version is %d, this program reads version %d", filepath.Base(path), head.Version, FormatVersion)
	}
	return decodeStrict(path, raw, cfg)
}

func readJSON(path string, into any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return decodeStrict(path, raw, into)
}

func decodeStrict(path string, raw []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	err := dec.Decode(into)
	if err == nil {
		if _, end := dec.Token(); end != io.EOF {
			err = errors.New("more text after the closing brace")
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return nil
}

func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil // spares a sync at every checkpoint
	}
	return report.ReplaceFile(path, text)
}

// ReadStore copies the float32 variables of store, by path without the leading
// slash, for which keep returns true (nil: all); those of RoundWeights as float32.
func ReadStore(store *model.Store, keep func(name string) bool) (map[string]Tensor, error) {
	all := map[string]Tensor{}
	for v := range store.IterVariables() {
		name := strings.TrimPrefix(v.Path(), "/")
		if keep != nil && !keep(name) {
			continue
		}
		data, ok, err := widened(store, v)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %w", name, err)
		}
		if ok {
			all[name] = Tensor{Shape: slices.Clone(v.Shape().Dimensions), Data: data}
		}
	}
	return all, nil
}

// FillStore sets or creates the variables of store named in all. A variable
// that exists with another shape is an error.
func FillStore(store *model.Store, all map[string]Tensor) error {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		t := all[name]
		value := tensors.FromFlatDataAndDimensions(t.Data, t.Shape...)
		if v := store.GetVariable("/" + name); v != nil {
			if !v.Shape().Equal(value.Shape()) {
				return fmt.Errorf("tensor %s has shape %v, the model needs %s", name, t.Shape, v.Shape())
			}
			if err := v.SetValue(value); err != nil {
				return fmt.Errorf("tensor %s: %w", name, err)
			}
			continue
		}
		if _, err := store.CreateVariable(name, value); err != nil {
			return fmt.Errorf("tensor %s: %w", name, err)
		}
	}
	return nil
}
