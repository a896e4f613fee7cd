package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"foresee/data"
	"foresee/jepa"
	"foresee/nn"
)

// Files of a model folder that training writes besides those of jepa.
const (
	StateFile  = "state.safetensors" // everything a resumed run needs: weights, moments, stage, step
	LogFile    = "train.jsonl"       // a line a logged step
	ReportFile = "report.html"
	CardFile   = "card.md"
)

const stateVersion = "1"

// Names of the tensors of the state file that are not variables.
const (
	priorityTensor = "sampler/error"   // [P] last seen error of each clip of stage 2
	drawnTensor    = "sampler/refresh" // [P] the same when proportions were last refreshed
	doneStage      = "done"
)

// progress is where a run stands: the next step of a stage.
type progress struct {
	stage string
	step  int
}

// ErrOtherRun is wrapped by the error of Run when the output folder holds a run
// of another config, seed or dataset.
var ErrOtherRun = errors.New("the folder holds another run")

// save writes the whole checkpoint. The state file holds all that resuming
// needs and appears in one rename, so a crash between the files loses nothing.
func (t *trainer) save(at progress) error {
	weights := func(name string) bool { return !isMoment(name) }
	if err := t.model.Save(t.opts.Out, weights); err != nil {
		return err
	}
	all, err := jepa.ReadStore(t.model.Store(), nil)
	if err != nil {
		return err
	}
	if t.sampler != nil {
		all[priorityTensor] = jepa.Tensor{Shape: []int{len(t.sampler.errors)}, Data: t.sampler.errors}
		all[drawnTensor] = jepa.Tensor{Shape: []int{len(t.sampler.drawn)}, Data: t.sampler.drawn}
	}
	config, err := json.Marshal(t.cfg)
	if err != nil {
		return err
	}
	meta := map[string]string{
		"version": stateVersion, "stage": at.stage, "step": strconv.Itoa(at.step),
		"config": string(config), "data": t.dataHash,
	}
	if err := jepa.WriteTensors(filepath.Join(t.opts.Out, StateFile), all, meta); err != nil {
		return fmt.Errorf("train: checkpoint: %w", err)
	}
	return nil
}

// isMoment tells optimizer moments from weights by their name.
func isMoment(name string) bool {
	base := filepath.Base(name)
	return base == nn.FirstMoment || base == nn.SecondMoment
}

// restore loads the checkpoint of the output folder into the store; found is
// false when the folder is empty or new.
func (t *trainer) restore() (at progress, found bool, err error) {
	path := filepath.Join(t.opts.Out, StateFile)
	all, meta, err := jepa.ReadTensors(path)
	if errors.Is(err, fs.ErrNotExist) {
		return progress{}, false, t.checkEmpty()
	}
	if err != nil {
		return progress{}, false, fmt.Errorf("train: resume: %w", err)
	}
	if meta["version"] != stateVersion {
		return progress{}, false, fmt.Errorf("train: resume: %s has version %q, this program reads version %s", path, meta["version"], stateVersion)
	}
	if err := t.sameRun(meta); err != nil {
		return progress{}, false, fmt.Errorf("train: %s: %w", t.opts.Out, err)
	}
	at.stage = meta["stage"]
	if at.step, err = strconv.Atoi(meta["step"]); err != nil {
		return progress{}, false, fmt.Errorf("train: resume: %s: step: %w", path, err)
	}
	t.savedErrors, t.savedDrawn = all[priorityTensor].Data, all[drawnTensor].Data
	delete(all, priorityTensor)
	delete(all, drawnTensor)
	if err := jepa.FillStore(t.model.Store(), all); err != nil {
		return progress{}, false, fmt.Errorf("train: resume: %s: %w", path, err)
	}
	for v := range t.model.Store().IterVariables() {
		if isMoment(v.Path()) {
			v.SetTrainable(false)
		}
	}
	return at, true, nil
}

// sameRun compares the stored config and data hash with this run's.
func (t *trainer) sameRun(meta map[string]string) error {
	config, err := json.Marshal(t.cfg)
	if err != nil {
		return err
	}
	if meta["data"] != t.dataHash {
		return fmt.Errorf("%w: it was trained on other data; choose another -o", ErrOtherRun)
	}
	if !bytes.Equal(config, []byte(meta["config"])) {
		return fmt.Errorf("%w: its config differs (%s); choose another -o", ErrOtherRun, firstDifference([]byte(meta["config"]), config))
	}
	return nil
}

// firstDifference shows where two JSON texts part.
func firstDifference(a, b []byte) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	cut := func(x []byte) string { return string(x[max(0, i-40):min(len(x), i+20)]) }
	return fmt.Sprintf("there …%s…, here …%s…", cut(a), cut(b))
}

// checkEmpty refuses an output folder that holds something that is not a run.
func (t *trainer) checkEmpty() error {
	entries, err := os.ReadDir(t.opts.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("train: output: %w", err)
	}
	for _, e := range entries {
		switch e.Name() {
		case jepa.ConfigFile, jepa.NormalizerFile, jepa.WeightsFile, LogFile: // a run killed before its first checkpoint
		default:
			if len(e.Name()) > 5 && e.Name()[:5] == ".tmp-" {
				continue
			}
			return fmt.Errorf("train: output folder %s already holds %s, which is no training run; choose another -o", t.opts.Out, e.Name())
		}
	}
	return nil
}

// hashData identifies a dataset: its meta.json fields, episode lengths and the
// bytes of 64 frames and actions spread over it.
func hashData(d *data.Dataset) (string, error) {
	h := sha256.New()
	meta, err := json.Marshal(d.Meta())
	if err != nil {
		return "", err
	}
	h.Write(meta)
	for i := range d.Episodes() {
		offset, length := d.Episode(i)
		fmt.Fprintln(h, offset, length)
	}
	actions, hasActions := d.Column(data.ActionColumn)
	for i := range 64 {
		step := i * (d.Steps() - 1) / 63
		h.Write(d.Frame(step))
		if hasActions {
			fmt.Fprintln(h, actions.Row(step))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}
