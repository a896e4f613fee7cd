package train

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

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

// save writes the whole checkpoint and measures what it costs. The state file
// holds all that resuming needs and appears in one rename, so a crash between the
// files loses nothing. It comes last: a state that says done has its model.
func (t *trainer) save(at progress) error {
	begun := time.Now()
	weights := func(name string) bool { return !isMoment(name) }
	if err := t.model.Save(t.opts.Out, weights); err != nil {
		return err
	}
	if err := t.log.Sync(); err != nil { // no checkpoint without the lines before it
		return fmt.Errorf("train: log: %w", err)
	}
	if err := t.saveState(at); err != nil {
		return err
	}
	t.saved, t.savedStep = time.Now(), at.step
	t.saveCost = t.saved.Sub(begun)
	return nil
}

func (t *trainer) saveState(at progress) error {
	all, err := jepa.ReadStore(t.model.Store(), nil)
	if err != nil {
		return err
	}
	if t.sampler != nil {
		all[priorityTensor] = jepa.Tensor{Shape: []int{len(t.sampler.Errors)}, Data: t.sampler.Errors}
		all[drawnTensor] = jepa.Tensor{Shape: []int{len(t.sampler.Drawn)}, Data: t.sampler.Drawn}
	}
	config, err := json.Marshal(t.cfg)
	if err != nil {
		return err
	}
	meta := map[string]string{
		"version": stateVersion, "stage": at.stage, "step": strconv.Itoa(at.step),
		"config": string(config), "data": t.dataHash, "dataset": t.opts.Data.Dir(),
		"seconds": seconds(t.elapsed()), "stage_begins": seconds(t.stageBegins),
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
		return progress{}, false, fmt.Errorf("train: output folder %s: %w; choose another -o", t.opts.Out, err)
	}
	at.stage = meta["stage"]
	if at.step, err = strconv.Atoi(meta["step"]); err != nil {
		return progress{}, false, fmt.Errorf("train: resume: %s: step: %w", path, err)
	}
	if t.spent, err = duration(meta["seconds"]); err != nil {
		return progress{}, false, fmt.Errorf("train: resume: %s: seconds: %w", path, err)
	}
	if t.stageBegins, err = duration(meta["stage_begins"]); err != nil {
		return progress{}, false, fmt.Errorf("train: resume: %s: stage_begins: %w", path, err)
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

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

// duration reads what seconds wrote; a state of an earlier program has none.
func duration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	s, err := strconv.ParseFloat(text, 64)
	return time.Duration(s * float64(time.Second)), err
}

// sameRun compares the stored config and data hash with this run's.
func (t *trainer) sameRun(meta map[string]string) error {
	config, err := json.Marshal(t.cfg)
	if err != nil {
		return err
	}
	if meta["data"] != t.dataHash {
		return fmt.Errorf("%w: it learns from dataset %s (hash %s), this is %s (hash %s)", ErrOtherRun, meta["dataset"], meta["data"], t.opts.Data.Dir(), t.dataHash)
	}
	if !bytes.Equal(config, []byte(meta["config"])) {
		return fmt.Errorf("%w: its config differs: %s", ErrOtherRun, jepa.Differences([]byte(meta["config"]), config))
	}
	return nil
}

const temporary = ".tmp-" // how names of files begin that are being written

// checkFolder refuses an output folder that is no run's, before anything in it
// is touched.
func (t *trainer) checkFolder() error {
	if _, err := os.Stat(filepath.Join(t.opts.Out, StateFile)); !errors.Is(err, fs.ErrNotExist) {
		return nil // restore says what is wrong with it
	}
	return t.checkEmpty()
}

// checkEmpty refuses an output folder without a state file that holds anything
// but what a kill left before the first one was there.
func (t *trainer) checkEmpty() error {
	entries, err := os.ReadDir(t.opts.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("train: output: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), temporary) && e.Name() != jepa.LockFile {
			return fmt.Errorf("train: output folder %s already holds %s but no %s, so it is no training run; choose another -o", t.opts.Out, e.Name(), StateFile)
		}
	}
	return nil
}

// claim makes the locked output folder this run's: leftovers of a kill are
// removed, and a new run writes its first state, so that a folder without one is
// never a run.
func (t *trainer) claim(at progress, found bool) error {
	left, err := filepath.Glob(filepath.Join(t.opts.Out, temporary+"*"))
	if err != nil {
		return fmt.Errorf("train: output: %w", err)
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("train: output: %w", err)
		}
	}
	if found {
		return nil
	}
	return t.saveState(at)
}
