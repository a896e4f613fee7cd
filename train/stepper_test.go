package train_test

import (
	"path/filepath"
	"testing"

	"foresee/jepa"
	"foresee/train"
)

// A stepper makes the steps of a run.
func TestStepperIsTheRun(t *testing.T) {
	d, out := rooms(t), filepath.Join(t.TempDir(), "model")
	mustRun(t, train.Options{Data: d, Out: out, Config: small(d)})
	entries := logged(t, out, allSteps)
	backend, err := jepa.OpenBackend("")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Finalize()
	o := train.Options{Data: d, Config: small(d), Backend: backend}
	s, err := train.NewStepper(t.Context(), o, "pixels")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for k := range 4 {
		scalars, err := s.Step(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if e := entries[k]; scalars[0] != e.Loss || scalars[1] != e.Terms["pred"] {
			t.Errorf("step %d: loss %v, pred %v; the run had %v, %v", k, scalars[0], scalars[1], e.Loss, e.Terms["pred"])
		}
	}
	if s.Clips() != 8 || s.Frames() != 8*6 {
		t.Errorf("a step sees %d clips, %d frames; want 8 and 48", s.Clips(), s.Frames())
	}
	path := filepath.Join(t.TempDir(), "peer.safetensors")
	if err := s.Export(t.Context(), path, 2); err != nil {
		t.Fatal(err)
	}
	all, _, err := jepa.ReadTensors(path)
	if err != nil {
		t.Fatal(err)
	}
	if all["step"].Data[0] != 4 || len(all["rates"].Data) != 2 || len(all["batch1/0"].Data) != 48*33*33*2 || len(all["batch2/0"].Data) != 0 {
		t.Errorf("export: step %v, %d rates, %d and %d floats of frames", all["step"].Data, len(all["rates"].Data), len(all["batch1/0"].Data), len(all["batch2/0"].Data))
	}
	_, err = train.NewStepper(t.Context(), o, "audio")
	wantError(t, err, "audio")
}
