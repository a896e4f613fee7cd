package jepa

import (
	"runtime"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"
)

// TestInputReusesMemory holds that a warm Input takes the memory of one that was finalized, and that
// its tensor is a copy of what was given.
func TestInputReusesMemory(t *testing.T) {
	backend := testBackend(t)
	flat := make([]float32, 1<<18)
	for i := range flat {
		flat[i] = float32(i)
	}
	want := slices.Clone(flat)
	step := func() {
		in := Input(nil, backend, flat, 1<<9, 1<<9)
		clear(flat)
		buffer, err := in.Buffer(backend, 0) // what Call hands on
		if err != nil {
			t.Fatal(err)
		}
		if err := buffer.ToFlatData(flat); err != nil {
			t.Fatal(err)
		}
		in.MustFinalizeAll()
	}
	step()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const steps = 8
	for range steps {
		step()
	}
	runtime.ReadMemStats(&after)
	if !slices.Equal(flat, want) {
		t.Error("a tensor does not hold what it was made of")
	}
	if each := int(after.TotalAlloc-before.TotalAlloc) / steps; each > len(flat) {
		t.Errorf("%d bytes allocated for an input of %d", each, 4*len(flat))
	}
}

// TestInputOfSeveralDevices holds that an input for several devices stays on the host.
func TestInputOfSeveralDevices(t *testing.T) {
	in := Input(&Devices{}, testBackend(t), []uint8{1, 2, 3, 4, 5, 6}, 2, 3)
	if !in.IsLocal() || !slices.Equal(tensors.MustCopyFlatData[uint8](in), []uint8{1, 2, 3, 4, 5, 6}) {
		t.Errorf("%v, want [2 3] on the host", in)
	}
}

func TestInputOfWrongLengthPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("5 elements made a [2 3]")
		}
	}()
	Input(nil, testBackend(t), make([]float32, 5), 2, 3)
}
