package jepa

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"github.com/gomlx/gomlx/ml/model"
)

func testBackend(t testing.TB) compute.Backend {
	t.Helper()
	b, err := OpenBackend("cpu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Finalize)
	return b
}

// encoded is a safetensors file in memory.
func encoded(t testing.TB, all map[string]Tensor, meta map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := encodeTensors(&b, all, meta); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// sameTensors compares names, shapes and float bits.
func sameTensors(t testing.TB, got, want map[string]Tensor) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d tensors, want %d", len(got), len(want))
	}
	for name, w := range want {
		g := got[name]
		if !slices.Equal(g.Shape, w.Shape) || len(g.Data) != len(w.Data) {
			t.Fatalf("%s has shape %v and %d floats, want %v and %d", name, g.Shape, len(g.Data), w.Shape, len(w.Data))
		}
		for i := range w.Data {
			if a, b := math.Float32bits(g.Data[i]), math.Float32bits(w.Data[i]); a != b {
				t.Fatalf("%s[%d] has bits %#x, want %#x", name, i, a, b)
			}
		}
	}
}

func odd() map[string]Tensor {
	nan := func(bits uint32) float32 { return math.Float32frombits(bits) }
	return map[string]Tensor{
		"a/weights":    {Shape: []int{7}, Data: []float32{nan(0x7f800001), 1, -0.5, nan(0x7fc00001), nan(0xffc12345), float32(math.Inf(-1)), 1e-42}},
		"a/ünicode \"": {Shape: []int{1}, Data: []float32{nan(0x80000000)}},
		"scalar":       {Shape: []int{}, Data: []float32{7}},
		"empty":        {Shape: []int{0, 4}, Data: nil},
		"long":         {Shape: []int{20_001}, Data: make([]float32, 20_001)},
	}
}

func TestSafetensorsRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.safetensors")
	meta := map[string]string{"step": "7", "config": `{"a": "<b>"}`}
	if err := WriteTensors(path, odd(), meta); err != nil {
		t.Fatal(err)
	}
	got, gotMeta, err := ReadTensors(path)
	if err != nil {
		t.Fatal(err)
	}
	sameTensors(t, got, odd())
	if gotMeta["step"] != "7" || gotMeta["config"] != meta["config"] || len(gotMeta) != 2 {
		t.Errorf("metadata = %q, want %q", gotMeta, meta)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(raw, encoded(t, odd(), meta)) {
		t.Error("equal content gave other bytes")
	}
	if !bytes.Contains(raw, []byte(`"scalar":{"dtype":"F32","shape":[],`)) {
		t.Error("the shape of a scalar is not []")
	}
	if raw[0]%8 != 0 {
		t.Errorf("header of %d bytes, want a multiple of 8", raw[0])
	}
}

// Every prefix of a file is an error, and so is a byte too many.
func TestSafetensorsTruncated(t *testing.T) {
	small := map[string]Tensor{"w": {Shape: []int{2}, Data: []float32{1, 2}}}
	raw := encoded(t, small, map[string]string{"k": "v"})
	for n := range raw {
		if _, _, err := decodeTensors(raw[:n]); err == nil {
			t.Errorf("%d of %d bytes are accepted", n, len(raw))
		}
	}
	if _, _, err := decodeTensors(append(slices.Clone(raw), 0)); err == nil {
		t.Error("a byte too many is accepted")
	}
	path := filepath.Join(t.TempDir(), "cut.safetensors")
	if err := os.WriteFile(path, raw[:len(raw)-3], 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadTensors(path); err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("error = %v, want the file and the word truncated", err)
	}
}

func TestSafetensorsRefused(t *testing.T) {
	file := func(header string, body int) []byte {
		return append(append([]byte{byte(len(header)), byte(len(header) >> 8), 0, 0, 0, 0, 0, 0}, header...), make([]byte, body)...)
	}
	for header, want := range map[string]string{
		`{"w":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}`:                     "dtype is F16",
		`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`:                     "needs 8 bytes",
		`{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`:                    "shape [-1] is not valid",
		`{"w":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,4]}}`: "is not valid",
		`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`:                     "inconsistent",
		`{"w":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}`:                    "inconsistent",
		`{"w":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}`:                    "inconsistent",
		`{"w":null}`:                     "dtype",
		`{"__metadata__":{"a":1}}`:       "metadata",
		`[]`:                             "header",
		`{"w":{"dtype":"F32","shape":[]`: "header",
	} {
		if _, _, err := decodeTensors(file(header, 4)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("header %s: error %v, want it to say %q", header, err, want)
		}
	}
}

// FuzzDecodeTensors: never a panic; what is accepted survives a round trip bit for bit.
func FuzzDecodeTensors(f *testing.F) {
	f.Add(encoded(f, odd(), nil))
	f.Add(encoded(f, map[string]Tensor{"w": {Shape: []int{2}, Data: []float32{1, 2}}}, map[string]string{"k": "v"}))
	f.Add([]byte("\x02\x00\x00\x00\x00\x00\x00\x00{}"))
	f.Add([]byte("\x04\x00\x00\x00\x00\x00\x00\x00null"))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, '{'})
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, meta, err := decodeTensors(raw)
		if err != nil {
			return
		}
		again, _, err := decodeTensors(encoded(t, all, meta))
		if err != nil {
			t.Fatalf("what was decoded does not decode again: %v", err)
		}
		sameTensors(t, again, all)
	})
}

// normalised runs Network.normalise on one frame [H, W, C].
func normalised(t *testing.T, cfg Config, frame []uint8) []float32 {
	t.Helper()
	out, err := model.CallOnce(testBackend(t), model.NewStore(), func(_ *model.Scope, x *Node) *Node {
		return Network{cfg}.normalise(x)
	}, tensors.FromFlatDataAndDimensions(frame, 1, cfg.Frame.Height, cfg.Frame.Width, cfg.Frame.Channels))
	if err != nil {
		t.Fatal(err)
	}
	return tensors.MustCopyFlatData[float32](out)
}

func TestPixelsAreStandardised(t *testing.T) {
	frame := []uint8{0, 10, 255, 20, 51, 30, 102, 250, 7, 11, 13, 17}
	cfg := Config{Frame: FrameConfig{Height: 2, Width: 3, Channels: 2}, Input: InputUnit}
	for _, c := range []struct{ mean, scale []float64 }{{nil, nil}, {[]float64{0.25, 0.5}, nil}, {[]float64{0.25, 0.5}, []float64{0.5, 2}}, {nil, []float64{0.5, 2}}} {
		cfg.PixelMean, cfg.PixelScale = c.mean, c.scale
		for i, got := range normalised(t, cfg, frame) {
			want := float64(frame[i]) / 255
			if c.mean != nil {
				want -= c.mean[i%2]
			}
			if c.scale != nil {
				want /= c.scale[i%2]
			}
			if math.Abs(float64(got)-want) > 1e-6 {
				t.Errorf("mean %v, scale %v: pixel %d of channel %d = %g, want %g", c.mean, c.scale, i, i%2, got, want)
			}
		}
	}
	cfg = Config{Frame: cfg.Frame, Input: InputMinMax}
	low, high := [2]float64{0, 10}, [2]float64{255, 250} // of each channel
	mean, std := [2]float64{0.0026, 0.0989}, [2]float64{0.0369, 0.2986}
	for i, got := range normalised(t, cfg, frame) {
		c := i % 2
		want := ((float64(frame[i])-low[c])/(high[c]-low[c]+255e-6) - mean[c]) / std[c]
		if math.Abs(float64(got)-want) > 1e-4 {
			t.Errorf("minmax: pixel %d of channel %d = %g, want %g", i, c, got, want)
		}
	}
	for i, got := range normalised(t, cfg, make([]uint8, 12)) { // a flat frame divides by nearly nothing
		if want := -mean[i%2] / std[i%2]; math.Abs(float64(got)-want) > 1e-6 {
			t.Errorf("minmax of a flat frame = %g, want %g", got, want)
		}
	}
}
