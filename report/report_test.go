package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"foresee/report"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestWilsonGolden(t *testing.T) {
	// DESIGN section 5: 0.935 of 200 has [0.892, 0.962]; jepa.md 7.5: 199 of 200 has [97.2, 99.9] %.
	// n = 10: closed forms z²/(n+z²) at k = 0 and its mirror image at k = n.
	for _, c := range []struct {
		k, n   int
		lo, hi float64
	}{
		{187, 200, 0.892, 0.962}, {199, 200, 0.972, 0.999}, {0, 10, 0, 0.2775}, {10, 10, 0.7225, 1}, {0, 0, 0, 1},
	} {
		lo, hi := report.Wilson(c.k, c.n)
		if math.Abs(lo-c.lo) > 6e-4 || math.Abs(hi-c.hi) > 6e-4 {
			t.Errorf("Wilson(%d, %d) = [%.4f, %.4f], want [%.4f, %.4f]", c.k, c.n, lo, hi, c.lo, c.hi)
		}
	}
}

// Garwood's table: 0 events (0, 3.689), 1 (0.0253, 5.572), 10 (4.795, 18.390).
func TestPoissonGolden(t *testing.T) {
	for k, want := range map[int][2]float64{0: {0, 3.689}, 1: {0.0253, 5.572}, 10: {4.795, 18.390}} {
		lo, hi := report.Poisson(k)
		if math.Abs(lo-want[0]) > 6e-4 || math.Abs(hi-want[1]) > 6e-4 {
			t.Errorf("%d: [%.4f, %.4f], want %v", k, lo, hi, want)
		}
	}
}

func TestWilsonProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 2000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		lo, hi := report.Wilson(k, n)
		p := float64(k) / float64(n)
		if !(0 <= lo && lo <= p && p <= hi && hi <= 1) {
			t.Fatalf("Wilson(%d, %d) = [%v, %v] does not hold %v", k, n, lo, hi, p)
		}
		mlo, mhi := report.Wilson(n-k, n)
		if math.Abs(mlo-(1-hi)) > 1e-12 || math.Abs(mhi-(1-lo)) > 1e-12 {
			t.Fatalf("Wilson(%d, %d) is not the mirror image of Wilson(%d, %d)", n-k, n, k, n)
		}
	})
}

func document() report.Document {
	d := report.Document{Command: "foresee eval plan <x>", Version: "v0", Seed: 1<<63 + 7,
		Machine: report.Machine{CPU: "Test & Co", Cores: 2, SgemmGFLOPS: 380.1}}
	d.Add(report.Ratio("plan/tworooms/floor/greedy", 85, 200, ""),
		report.Ratio("plan/tworooms/success", 187, 200, "final distance < 4.5 px & random wall"),
		report.Ratio("plan/tworooms/oracle", 200, 200, ""),
		report.Row{Name: "probe/position_rmse", Value: 0.13, Unit: "px", N: 500})
	return d
}

func TestJSONRoundTrip(t *testing.T) {
	want := document()
	var b bytes.Buffer
	if err := want.Encode(&b); err != nil {
		t.Fatal(err)
	}
	got, err := report.Decode(&b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("round trip (-want +got):\n%s", d)
	}
	if err := got.Validate(); err != nil {
		t.Errorf("Validate: %v", err)
	}
}

func TestJSONShape(t *testing.T) {
	b, err := json.Marshal(document())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"command":"foresee eval plan <x>","version":"v0","seed":9223372036854775815,"machine":{"cpu":"Test & Co","cores":2,"sgemm_gflops":380.1},"rows":[`,
		`{"name":"probe/position_rmse","value":0.13,"unit":"px","n":500}`,
	} {
		// json.Marshal escapes <, > and & of nested marshallers; the meaning is what counts.
		if !strings.Contains(strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(string(b)), want) {
			t.Errorf("JSON lacks %s:\n%s", want, b)
		}
	}
}

func TestNonFiniteIsNull(t *testing.T) {
	var d report.Document
	d.Add(report.Ratio("x/y", 0, 0, ""))
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), `"value":null`) {
		t.Errorf("JSON of NaN = %s, want null", b)
	}
	back, err := report.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsNaN(back.Rows[0].Value) {
		t.Errorf("null read as %v, want NaN", back.Rows[0].Value)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, in := range map[string]string{
		"comand":    `{"comand": "x"}`,
		"valeu":     `{"rows": [{"name": "a", "valeu": 1}]}`,
		"gflops":    `{"machine": {"gflops": 1}}`,
		"more data": `{} {}`,
	} {
		_, err := report.Decode(strings.NewReader(in))
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Decode(%s) error = %v, want one naming %q", in, err, name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"rows":[{"name":"a","value":null,"unit":"1"}]}`))
	f.Add([]byte(`{"seed":-1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, err := report.Decode(bytes.NewReader(b))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := d.Encode(&out); err != nil {
			t.Fatalf("decoded document does not encode: %v", err)
		}
	})
}

func TestValidateNamesFaults(t *testing.T) {
	half := 0.5
	d := report.Document{Rows: []report.Row{{Name: "a", Unit: "1"}, {Name: "a", Unit: "1"}, {Name: "b"},
		{Name: "c", Unit: "1", Lo: &half}, {Name: "d", Unit: "1", Lo: &half, Hi: &half}, {Name: "e", Unit: "1", N: -1}}}
	err := d.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"a occurs twice", "b has no unit", "c has one bound", "d: 0 is outside", "e: n = -1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := document().WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `                                value  95 % interval    n
plan/tworooms/success          93.5 %   [89.2, 96.2]  200  final distance < 4.5 px & random wall
  plan/tworooms/floor/greedy   42.5 %   [35.9, 49.4]  200
  plan/tworooms/oracle        100.0 %  [98.1, 100.0]  200

probe/position_rmse           0.13 px                 500
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Errorf("text (-want +got):\n%s", d)
	}
}

func TestPageIsWellFormedAndSelfContained(t *testing.T) {
	p := report.NewPage("A <world>", "It & that.", document())
	p.Document.Add(report.Ratio("plan/tworooms/heldout/success", 99, 100, ""))
	p.Headline("plan/tworooms/heldout/success", "no/such/row")
	p.Section("Plan")
	p.Rows("plan/")
	p.Text("a < b by %d", 3)
	p.Code("x: <y>")
	p.Chart(report.Chart{Title: "loss", XLabel: "step", YLabel: "loss", LogY: true,
		Series: []report.Series{{Name: "train & co", X: []float64{0, 1, 2, 3}, Y: []float64{1, math.NaN(), 0.1, 0}}},
		Marks:  []report.Mark{{X: 2, Label: "teleport"}}})
	if err := p.Strip("frames", 0, report.Frame{Image: image.NewGray(image.Rect(0, 0, 3, 2)), Label: "t = 0", Highlight: true}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "r.html")
	if err := p.WriteFile(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := string(b)
	for _, want := range []string{"A &lt;world&gt;", "[94.6, 99.8] · n = 100 · greedy 42.5 % · oracle 100.0 %", "a &lt; b by 3", "data:image/png;base64,", "380.1 GFLOP/s"} {
		if !strings.Contains(s, want) {
			t.Errorf("page lacks %q", want)
		}
	}
	for _, not := range []string{"<script", "<link", "ZgotmplZ", "probe/position_rmse", "<world>"} {
		if strings.Contains(s, not) {
			t.Errorf("page has %q", not)
		}
	}
	if n := strings.Count(s, "http"); n != strings.Count(s, `xmlns="http://www.w3.org/2000/svg"`) {
		t.Errorf("page refers to %d addresses", n)
	}
	dec := xml.NewDecoder(strings.NewReader(s))
	dec.Strict, dec.AutoClose, dec.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	elements := 0
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatalf("page is not well formed: %v", err)
		}
		if _, ok := tok.(xml.StartElement); ok {
			elements++
		}
	}
	if elements < 60 {
		t.Errorf("page has %d elements, want >= 60", elements)
	}
}

func TestChartBreaksAtNaNAndKeepsPeaks(t *testing.T) {
	c := report.Chart{Series: []report.Series{{X: []float64{0, 1, 2, 3, 4}, Y: []float64{0, 1, math.NaN(), 1, 0}}}}
	if n := strings.Count(pathOf(t, c.SVG()), "M"); n != 2 {
		t.Errorf("a gap gives %d pieces, want 2", n)
	}
	x, y := make([]float64, 50_000), make([]float64, 50_000)
	for i := range x {
		x[i] = float64(i)
	}
	y[33_333] = 100
	d := pathOf(t, report.Chart{Series: []report.Series{{X: x, Y: y}}}.SVG())
	if len(d) > 40_000 {
		t.Errorf("path of 50,000 points has %d bytes", len(d))
	}
	low := 1e9
	for _, point := range strings.FieldsFunc(d, func(r rune) bool { return strings.ContainsRune("ML", r) }) {
		var px, py float64
		if _, err := sscan(point, &px, &py); err != nil {
			t.Fatal(err)
		}
		low = min(low, py)
	}
	if low > 40 { // the top of the plot is at 14, 5 % room above the peak
		t.Errorf("highest point of the peak is drawn at y = %g, want < 40", low)
	}
	if svg := (report.Chart{}).SVG(); !strings.Contains(svg, "</svg>") {
		t.Errorf("empty chart = %q", svg)
	}
}

func TestFrameImage(t *testing.T) {
	two := []uint8{0, 0, 255, 0, 0, 255}
	m := report.FrameImage(two, 1, 3, 2)
	var got [3][3]uint32
	for i := range 3 {
		r, g, b, _ := m.At(i, 0).RGBA()
		got[i] = [3]uint32{r >> 8, g >> 8, b >> 8}
	}
	if want := [3][3]uint32{{255, 255, 255}, {217, 72, 15}, {74, 85, 104}}; got != want {
		t.Errorf("colours = %v, want %v", got, want)
	}
	if g := report.GrayImage(two, 1, 3, 2, 1); g.Pix[2] != 255 {
		t.Errorf("channel 1 = %v", g.Pix)
	}
}

func TestThisMachine(t *testing.T) {
	m := report.ThisMachine(12)
	if m.Cores < 1 || m.SgemmGFLOPS != 12 {
		t.Errorf("machine = %+v", m)
	}
	if m.CPU == "" {
		t.Error("no CPU name")
	}
}
