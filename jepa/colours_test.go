package jepa_test

import (
	"context"
	"math"
	"reflect"
	"testing"
)

// TestSettleColours: clips in grey are the same in other colours; where one channel says nothing and the model amplifies
// it, because it never varied, other colours are another world. Surprise afterwards is that of the settled config.
func TestSettleColours(t *testing.T) {
	const n = 3
	for _, c := range []struct {
		name string
		mix  []float64
		grey bool
		keep bool
	}{
		{"grey", []float64{3, 0, 0, 0, 3, 0, 0, 0, 3}, true, true},
		{"green stands still", []float64{3, 0, 0, 0, 300, 0, 0, 0, 3}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := memory()
			cfg.PixelMean, cfg.PixelMix = []float64{0.5, 0.5, 0.5}, c.mix
			cfg.Predictor.Mirror, cfg.Predictor.Colours = true, true
			m, length := awake(t, cfg), cfg.Predictor.Context*cfg.Predictor.Stride
			px := frames(cfg, n*length)
			for i := range px {
				if c.grey {
					px[i] = px[i-i%3]
				} else if i%3 == 1 {
					px[i] = 128
				}
			}
			ratio, err := m.SettleColours(context.Background(), n, length, px)
			if err != nil {
				t.Fatal(err)
			}
			if c.grey != (math.Abs(ratio-1) < 1e-6) || c.keep != (ratio < 1.5) || m.Config().Predictor.Colours != c.keep {
				t.Errorf("ratio %g, colours %t, want them kept: %t", ratio, m.Config().Predictor.Colours, c.keep)
			}
			got := surprise(t, m, n, length, px)
			cfg.Predictor.Colours = c.keep
			if !reflect.DeepEqual(m.Config(), cfg) {
				t.Errorf("config %+v, want %+v", m.Config(), cfg)
			}
			want := surprise(t, awake(t, cfg), n, length, px)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("score %d is %v, of a model with this config %v", i, got[i], want[i])
				}
			}
		})
	}
}
