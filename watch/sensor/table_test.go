package sensor

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func readAll(t *testing.T, text string) (*Table, error) {
	t.Helper()
	r, err := Read(strings.NewReader(text), 2*time.Second)
	if err != nil {
		return nil, err
	}
	return ReadTable(r, "test")
}

// same compares values, NaN being itself.
func same(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) })
}

func TestReadFormats(t *testing.T) {
	noon, nan := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), math.NaN()
	for name, text := range map[string]string{
		"csv":          "time,a,b\n2026-03-01T12:00:00Z,1,2\n2026-03-01T13:00:01+01:00,,-3e-1\n",
		"csv, bom":     "\ufefftime,a,b\r\n2026-03-01 12:00:00,1,2\r\n2026-03-01 12:00:01,NaN,-0.3\r\n",
		"unix":         fmt.Sprintf("a,Timestamp,b\n1,%d,2\nnull,%d,-0.3\n", noon.Unix(), noon.Unix()+1),
		"milliseconds": fmt.Sprintf("a,ts,b\n1,%d,2\n-,%d,-0.3\n", noon.UnixMilli(), noon.UnixMilli()+1000),
		"infinite":     fmt.Sprintf("a,ts,b\n1,%d,2\nInf,%d,-0.3\n", noon.Unix(), noon.Unix()+1),
		"json":         `{"b":2,"time":"2026-03-01T12:00:00Z","a":1}` + "\n\n" + `{"time":"2026-03-01T12:00:01Z","a":null,"b":-0.3}`,
		"json, absent": fmt.Sprintf("\n{\"a\":1,\"time\":%d,\"b\":\"2\"}\n{\"time\":%d,\"b\":-0.3}\n", noon.Unix(), noon.Unix()+1),
	} {
		got, err := readAll(t, text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.Equal(got.Channels, []string{"a", "b"}) || len(got.Rows) != 2 {
			t.Errorf("%s: channels %v, %d rows", name, got.Channels, len(got.Rows))
			continue
		}
		if !same(got.Rows[0].Values, []float64{1, 2}) || !same(got.Rows[1].Values, []float64{nan, -0.3}) {
			t.Errorf("%s: %v and %v, want 1 2 and NaN -0.3", name, got.Rows[0].Values, got.Rows[1].Values)
		}
		if !got.Rows[0].Time.Equal(noon) || !got.Rows[1].Time.Equal(noon.Add(time.Second)) {
			t.Errorf("%s: times %v and %v, want noon and a second later", name, got.Rows[0].Time, got.Rows[1].Time)
		}
	}
	got, err := readAll(t, "a\n1\n2\n")
	if err != nil || got.Interval() != 2*time.Second {
		t.Errorf("without a time: %v, %v", got, err)
	}
}

func TestReadFaults(t *testing.T) {
	for text, want := range map[string]string{
		"": "nothing to read", "  \n": "nothing to read", "time\n1\n": "no channel", "1,2\n3,4\n": "names of channels", "a,a\n1,2\n": "twice",
		"a,b\n1,2\n3\n": "line 3", "a,b\n1,2,3\n": "line 2", "a,b\n1,x\n": "channel b", "time,a\nyesterday,1\n": "line 2",
		"time,a\n1e300,1\n": "no time", "a,b\n\"1,2\n": "line 2", "{\"a\":1}\n{\"a\":1,\"c\":2}": "channel c", "{\"a\":1}\n{": "line 2", "{\"a\":[1]}": "channel a",
		"{\"time\":1}": "no channel", "{\"time\":1,\"ts\":2,\"a\":3}": "both", "{\"time\":1,\"a\":3}\n{\"a\":3}": "no time", "[1]\n2": "",
	} {
		_, err := readAll(t, text)
		if want == "" {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add("time,a\n1,2\n")
	f.Add("{\"time\":1,\"a\":2}\n{\"a\":null,\"time\":2}")
	f.Add("\ufeffa,b\n\"1\",NaN\n")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Read(strings.NewReader(text), time.Second)
		if err != nil {
			return
		}
		for {
			row, err := r.Next()
			if err != nil {
				if !errors.Is(err, io.EOF) && !strings.HasPrefix(err.Error(), "sensor: ") {
					t.Errorf("error %v does not say where it is from", err)
				}
				return
			}
			if len(row.Values) != len(r.Channels()) {
				t.Fatalf("%d values of %d channels", len(row.Values), len(r.Channels()))
			}
			for _, v := range row.Values {
				if math.IsInf(v, 0) {
					t.Fatal("a value is infinite")
				}
			}
		}
	})
}

// TestHealth follows a stream with all that can be wrong with it.
func TestHealth(t *testing.T) {
	var events []string
	h := newHealth([]string{"a", "b"}, time.Second, []int{1, 1}, func(e Event) { events = append(events, strings.TrimSpace(e.Kind+" "+e.Channel)) })
	out, n := "", 0.0
	add := func(second float64, a, b float64) {
		h.add(Row{begin.Add(time.Duration(second * float64(time.Second))), []float64{a, b}, 0}, func(k tick) {
			for _, v := range k.x {
				if math.IsNaN(v) {
					t.Errorf("at %g s a tick holds NaN", second)
				}
			}
			switch {
			case k.breaks:
				out += "B"
			case !k.real:
				out += "f"
			case k.held:
				out += "h"
			default:
				out += "."
			}
		})
	}
	nan := math.NaN()
	next := func() float64 { n++; return n }
	step := func(name, want string, events_ []string, do func()) {
		out, events = "", nil
		do()
		if out != want || !slices.Equal(events, events_) {
			t.Errorf("%s: ticks %s and events %v, want %s and %v", name, out, events, want, events_)
		}
	}
	step("fine", "...", nil, func() { add(0, next(), next()); add(1, next(), next()); add(2.2, next(), next()) })
	step("duplicates", ".", []string{"duplicate"}, func() { add(2.2, 9, 9); add(2.2, 8, 8); add(3, next(), next()) })
	step("two are missing", "ff.", nil, func() { add(6, next(), next()) })
	step("a gap", "B", []string{"gap"}, func() { add(60, next(), next()) })
	step("the clock goes back", "B.", []string{"clock_back"}, func() { add(10, next(), next()); add(11, next(), next()) })
	step("a missing value", "h.", []string{"missing a"}, func() { add(12, nan, next()); add(13, next(), next()) })
	step("missing for long", "hhhB", []string{"missing b", "back b"}, func() {
		for s := range 6 {
			add(float64(14+s), next(), nan)
		}
		add(20, next(), next())
	})
	if h.broken {
		t.Error("still broken after the channel came back")
	}
	step("frozen", strings.Repeat(".", 31), []string{"frozen b", "moves b"}, func() {
		for s := range 30 {
			add(float64(21+s), next(), 5)
		}
		add(51, next(), next())
	})
}
