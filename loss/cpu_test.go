package loss_test

import (
	"testing"

	"foresee/backend/cpu"
)

func TestGradientsCPU(t *testing.T) {
	b, err := cpu.New("threads=2")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	checkLosses(t, b)
}
