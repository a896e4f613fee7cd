package jepa_test

import (
	"math"
	"testing"

	"foresee/jepa"
)

func TestMeasureNormalizer(t *testing.T) {
	codes := []float32{0, 0, 7, 1, 0, 7, 2, 0, 7, 0, 1, 7, 1, 1, 7, 2, 1, 7} // two episodes of three rows: z, z, w
	norm := jepa.MeasureNormalizer(codes, 2, 3, func(int) bool { return true })
	if norm.LatentMean[0] != 1 || norm.LatentMean[1] != 0.5 || norm.StaticMean[0] != 7 || norm.StaticStd[0] != 1 {
		t.Errorf("normaliser = %+v, want means 1, 0.5 and 7, and std 1 for a code that never varies", norm)
	}
	std := math.Sqrt((2.0/3 + 0.25) / 2)
	if math.Abs(float64(norm.LatentStd)-std) > 1e-6 {
		t.Errorf("latent std = %v, want %v", norm.LatentStd, std)
	}
	if first := jepa.MeasureNormalizer(codes, 2, 3, func(row int) bool { return row < 3 }); first.LatentMean[1] != 0 {
		t.Errorf("mean over the first rows = %v, want 0", first.LatentMean[1])
	}
	norm.Apply(codes, 2, 3)
	near(t, "normalised", codes[:3], []float32{float32(-1 / std), float32(-0.5 / std), 0}, 1e-6)
}
