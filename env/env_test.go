package env_test

import (
	"math"
	"testing"

	"foresee/env"
)

func TestBoxContains(t *testing.T) {
	box := env.Box{Low: []float32{-1, 0}, High: []float32{1, 2}}
	nan := float32(math.NaN())
	for _, c := range []struct {
		v    []float32
		want bool
	}{
		{[]float32{-1, 2}, true}, {[]float32{0, 1}, true}, {[]float32{1.1, 1}, false}, {[]float32{0, -0.1}, false},
		{[]float32{nan, 1}, false}, {[]float32{0}, false}, {[]float32{0, 1, 0}, false},
	} {
		if got := box.Contains(c.v); got != c.want {
			t.Errorf("Contains(%v) = %v, want %v", c.v, got, c.want)
		}
	}
}

func TestSpecFrameSize(t *testing.T) {
	if got := (env.Spec{Height: 65, Width: 33, Channels: 2}).FrameSize(); got != 65*33*2 {
		t.Errorf("FrameSize() = %d, want %d", got, 65*33*2)
	}
}
