package cpu_test

import (
	"testing"

	"github.com/gomlx/compute/support/backendtest"

	"foresee/backend/cpu"
)

func TestConformance(t *testing.T) {
	b, err := cpu.New("")
	if err != nil {
		t.Fatal(err)
	}
	backendtest.RunAll(t, b, nil)
}
