package cli

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foresee/report"
)

// tinyModel trains a model in a second and returns its folder and its dataset's.
func tinyModel(t *testing.T, more ...string) (model, dataset string) {
	t.Helper()
	dataset, model = walks(t), filepath.Join(t.TempDir(), "model")
	args := append([]string{"train", "-d", dataset, "-o", model, "--steps", "2"}, tiny()...)
	call(t, append(args, more...)...).want(t, ExitDone)
	return model, dataset
}

// values are the rows of a document that are measured in nothing that passes, such as time.
func values(d report.Document) map[string]float64 {
	out := map[string]float64{}
	for _, r := range d.Rows {
		if r.Unit != "ms" && !math.IsNaN(r.Value) {
			out[r.Name] = r.Value
		}
	}
	return out
}

func TestEvalPlan(t *testing.T) {
	model, _ := tinyModel(t)
	args := []string{"eval", "plan", "-m", model, "--episodes", "3", "--serial", "1", "--baseline", "0", "--seed", "5", "--json"}
	d := call(t, args...).document(t)
	documented(t, d)
	if d.Seed != 5 {
		t.Errorf("seed = %d, want 5", d.Seed)
	}
	for _, name := range []string{"success", "heldout/success", "floor/random", "floor/greedy", "oracle", "latency/p50", "latency/p99", "latency/first", "steps_per_decision"} {
		if _, ok := d.Find("plan/tworooms/" + name); !ok {
			t.Errorf("no row plan/tworooms/%s", name)
		}
	}
	first, again := values(d), values(call(t, args...).document(t))
	if len(first) < 10 {
		t.Errorf("%d rows without a time, want at least 10", len(first))
	}
	for name, v := range first {
		if again[name] != v {
			t.Errorf("%s is %g, then %g", name, v, again[name])
		}
	}
	bits := "plan/tworooms/weight_bits"
	for weights, want := range map[string]float64{"bfloat16": 16, "int8": 8} {
		rows := values(call(t, append(args, "--weights", weights)...).document(t))
		if len(rows) != len(first) || rows[bits] != want || first[bits] != 32 {
			t.Errorf("--weights %s: %d rows, want %d; weight bits %g, want %g", weights, len(rows), len(first), rows[bits], want)
		}
	}
	call(t, append(args, "--weights", "int4")...).want(t, ExitUsage, "--weights")
}

func TestEvalProbeAndRollout(t *testing.T) {
	model, dataset := tinyModel(t)
	for _, c := range []struct {
		args []string
		row  string
	}{
		{[]string{"eval", "probe", "-m", model, "--episodes", "30", "--linear"}, "probe/tworooms/heldout/door_rmse"},
		{[]string{"eval", "probe", "-m", model, "-d", dataset, "--episodes", "12"}, "probe/tworooms/mlp/position_rmse"},
		{[]string{"eval", "rollout", "-m", model, "--episodes", "12"}, "rollout/tworooms/rmse/64"},
		{[]string{"eval", "rollout", "-m", model, "-d", dataset, "--episodes", "12"}, "rollout/tworooms/rmse/16"},
	} {
		d := call(t, append(c.args, "--json")...).document(t)
		if _, ok := d.Find(c.row); !ok {
			t.Errorf("%v: no row %s", c.args, c.row)
		}
	}
}

func TestEvalCollapse(t *testing.T) {
	args := []string{"eval", "collapse", "-d", walks(t), "--preset", "tworooms", "--steps", "1", "--batch", "4", "--episodes", "0", "--json"}
	r := call(t, args...)
	r.want(t, ExitDone)
	d, err := report.Decode(strings.NewReader(r.stdout))
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range []string{"none", "std", "idm", "static", "invariance", "within"} {
		for _, what := range []string{"rank", "std", "static_share", "xy_rmse", "door_rmse", "copy_ratio"} {
			if _, ok := d.Find("collapse/tworooms/" + off + "/" + what); !ok {
				t.Errorf("no row collapse/tworooms/%s/%s", off, what)
			}
		}
	}
}

func TestEvalMistakes(t *testing.T) {
	model, dataset := tinyModel(t, "--set", "train.landmarks=0")
	nowhere := filepath.Join(t.TempDir(), "nowhere")
	call(t, "eval", "plan", "-m", nowhere).want(t, ExitFailed, nowhere, "no model", "foresee train")
	call(t, "eval", "probe", "-m", dataset).want(t, ExitFailed, dataset, "a dataset, not a model")
	call(t, "eval", "plan", "-m", model).want(t, ExitFailed, model, "no landmarks")
	call(t, "eval", "plan", "-m", model, "--episodes", "0").want(t, ExitUsage, "--episodes 0")
	call(t, "eval", "plan", "-m", model, "--baseline=-1").want(t, ExitUsage, "--baseline -1")
	call(t, "eval", "plan", "-m", model, "--planner", "magic").want(t, ExitUsage, "magic")
	call(t, "eval", "plan").want(t, ExitUsage, "--model")
	call(t, "eval", "rollout", "-m", model, "--episodes", "3").want(t, ExitUsage, "--episodes 3")
	call(t, "eval", "rollout", "-m", model, "-d", nowhere).want(t, ExitFailed, nowhere)
	call(t, "eval", "collapse", "-d", nowhere).want(t, ExitFailed, nowhere)
	call(t, "eval", "collapse", "-d", dataset, "--steps", "0").want(t, ExitUsage, "--steps 0")
	call(t, "eval", "collapse", "-d", dataset, "--preset", "video").want(t, ExitUsage, "video")
	large := filepath.Join(t.TempDir(), "large")
	call(t, "collect", "tworooms", "-o", large, "--episodes", "8", "--steps", "4", "--size", "65").want(t, ExitDone)
	call(t, "eval", "probe", "-m", model, "-d", large).want(t, ExitFailed, "65x65x2", "33x33x2")
	weights := filepath.Join(model, "weights.safetensors")
	raw, err := os.ReadFile(weights)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(weights, raw[:len(raw)/2], 0o644); err != nil {
		t.Fatal(err)
	}
	r := call(t, "eval", "plan", "-m", model)
	r.want(t, ExitFailed, "weights.safetensors", "truncated")
	if strings.Contains(r.stderr, "internal error") {
		t.Errorf("a truncated model is an internal error: %s", r.stderr)
	}
}
