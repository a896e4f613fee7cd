package sink_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"foresee/surprise/alarm"
	"foresee/watch/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func event(i int) alarm.Event {
	t := at.Add(time.Duration(i) * time.Second)
	return alarm.Event{ID: alarm.ID("s", t, alarm.Begins), State: alarm.Begins, Stream: "s", Time: t, Score: float64(i), P: 1e-5}
}

// receiver answers with the statuses in turn, the last for ever, and keeps what came.
type receiver struct {
	mu       sync.Mutex
	statuses []int
	after    string
	bodies   []string
	headers  []http.Header
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(q.Body)
	r.bodies, r.headers = append(r.bodies, string(body)), append(r.headers, q.Header)
	status := r.statuses[min(len(r.bodies), len(r.statuses))-1]
	if r.after != "" {
		w.Header().Set("Retry-After", r.after)
	}
	if status/100 == 3 {
		w.Header().Set("Location", "/elsewhere")
	}
	w.WriteHeader(status)
}

func TestWebhook(t *testing.T) {
	for name, c := range map[string]struct {
		statuses []int
		posts    int
		want     string
	}{
		"at once": {[]int{204}, 1, ""}, "third time": {[]int{503, 429, 200}, 3, ""}, "never": {[]int{500}, 4, "500"},
		"refused": {[]int{403, 200}, 1, "403"}, "redirect": {[]int{302, 200}, 1, "302"},
	} {
		r := &receiver{statuses: c.statuses}
		server := httptest.NewServer(r)
		w, err := sink.NewWebhook(sink.WebhookConfig{URL: server.URL + "/hook?token=hush", Secret: []byte("key"), Attempts: 4, Backoff: time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		err = w.Send(context.Background(), event(1))
		server.Close()
		if (err == nil) != (c.want == "") {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if err != nil && (!strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hush")) {
			t.Errorf("%s: error %q, want %q in it, and no query of the URL", name, err, c.want)
		}
		if len(r.bodies) != c.posts {
			t.Errorf("%s: %d posts, want %d", name, len(r.bodies), c.posts)
		}
		for i, h := range r.headers {
			if h.Get("Idempotency-Key") != event(1).ID {
				t.Errorf("%s: attempt %d has key %q, want that of the event", name, i, h.Get("Idempotency-Key"))
			}
			if err := sink.Verify([]byte("key"), h, []byte(r.bodies[i]), time.Now(), time.Minute); err != nil {
				t.Errorf("%s: attempt %d: %v", name, i, err)
			}
			if err := sink.Verify([]byte("key"), h, []byte(r.bodies[i]+" "), time.Now(), time.Minute); err == nil {
				t.Errorf("%s: a changed body is accepted", name)
			}
			if err := sink.Verify([]byte("other"), h, []byte(r.bodies[i]), time.Now(), time.Minute); err == nil {
				t.Errorf("%s: another key is accepted", name)
			}
			if err := sink.Verify([]byte("key"), h, []byte(r.bodies[i]), time.Now().Add(time.Hour), time.Minute); err == nil {
				t.Errorf("%s: a request an hour old is accepted", name)
			}
		}
		var got alarm.Event
		if err := json.Unmarshal([]byte(r.bodies[0]), &got); err != nil || got.ID != event(1).ID || got.Score != 1 {
			t.Errorf("%s: body %s, %v", name, r.bodies[0], err)
		}
	}
}

// The value is what "openssl dgst -sha256 -hmac key" prints for "1700000000.{}".
func TestSignGolden(t *testing.T) {
	const want = "v1=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae"
	if got := sink.Sign([]byte("key"), "1700000000", []byte("{}")); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestWebhookWaits(t *testing.T) {
	r := &receiver{statuses: []int{503, 200}, after: "1"}
	server := httptest.NewServer(r)
	defer server.Close()
	w, err := sink.NewWebhook(sink.WebhookConfig{URL: server.URL, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if err := w.Send(context.Background(), event(1)); err != nil || time.Since(begun) < 900*time.Millisecond {
		t.Errorf("%v after %v, want success after the second that Retry-After asks for", err, time.Since(begun))
	}
	r.statuses = []int{500}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	begun = time.Now()
	if err := w.Send(ctx, event(2)); err == nil || time.Since(begun) > 700*time.Millisecond {
		t.Errorf("%v after %v, want an error soon after the context ended", err, time.Since(begun))
	}
	if _, err := sink.NewWebhook(sink.WebhookConfig{URL: "ftp://x/y"}); err == nil {
		t.Error("ftp is accepted")
	}
	gone := httptest.NewServer(r)
	gone.Close()
	w, err = sink.NewWebhook(sink.WebhookConfig{URL: gone.URL + "/hush", Attempts: 2, Backoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Send(context.Background(), event(1)); err == nil || !strings.Contains(err.Error(), "attempt 2") || strings.Contains(err.Error(), "hush") {
		t.Errorf("a server that is gone: %v, want the second attempt's error without the path", err)
	}
}

// gate is a sink that waits to be let through.
type gate struct {
	open chan struct{}
	mu   sync.Mutex
	sent []float64
}

func (g *gate) Send(ctx context.Context, e alarm.Event) error {
	select {
	case <-g.open:
	case <-ctx.Done():
		return ctx.Err()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sent = append(g.sent, e.Score)
	return nil
}

func TestQueueDropsTheOldest(t *testing.T) {
	g := &gate{open: make(chan struct{})}
	var mu sync.Mutex
	var dropped []float64
	q := sink.NewQueue(g, 3, func(e alarm.Event, err error) {
		mu.Lock()
		defer mu.Unlock()
		if errors.Is(err, sink.ErrDropped) {
			dropped = append(dropped, e.Score)
		}
	})
	q.Put(event(0))
	time.Sleep(20 * time.Millisecond) // 0 is being sent
	for i := 1; i <= 5; i++ {
		q.Put(event(i))
	}
	close(g.open)
	q.Close(context.Background())
	if c := q.Counts(); c != (sink.QueueCounts{Sent: 4, Dropped: 2}) {
		t.Errorf("%+v, want 4 sent and 2 dropped", c)
	}
	if len(dropped) != 2 || dropped[0] != 1 || dropped[1] != 2 {
		t.Errorf("dropped %v, want 1 and 2, the oldest", dropped)
	}
	if len(g.sent) != 4 || g.sent[0] != 0 || g.sent[1] != 3 || g.sent[3] != 5 {
		t.Errorf("sent %v, want 0, 3, 4, 5", g.sent)
	}
	q.Put(event(9))
	if c := q.Counts(); c.Sent+c.Dropped != 6 {
		t.Errorf("an event after Close is counted: %+v", c)
	}
}

func TestQueueGivesUp(t *testing.T) {
	failed := make(chan alarm.Event, 9)
	q := sink.NewQueue(&gate{open: make(chan struct{})}, 3, func(e alarm.Event, err error) { failed <- e })
	q.Put(event(1))
	q.Put(event(2))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	q.Close(ctx)
	if c := q.Counts(); c != (sink.QueueCounts{Failed: 2}) || len(failed) != 2 {
		t.Errorf("%+v, %d told, want 2 failed and told", c, len(failed))
	}
}

func TestLines(t *testing.T) {
	var b bytes.Buffer
	for i := range 3 {
		if err := (sink.Lines{W: &b}).Send(context.Background(), event(i)); err != nil {
			t.Fatal(err)
		}
	}
	d := json.NewDecoder(&b)
	for i := range 3 {
		var e alarm.Event
		if err := d.Decode(&e); err != nil || e.ID != event(i).ID {
			t.Errorf("line %d: %+v, %v", i, e, err)
		}
	}
	bad := event(1)
	bad.Score = math.NaN()
	if err := (sink.Lines{W: &b}).Send(context.Background(), bad); err == nil {
		t.Error("a score that is NaN is written")
	}
}

func TestMetrics(t *testing.T) {
	m := sink.NewMetrics("tank")
	text := scrape(t, m)
	for _, name := range []string{
		"surprise_score", "surprise_pvalue", "surprise_alarms_total", "surprise_threshold", "stream_lag_seconds", "frames_dropped_total",
		"inference_seconds", "baseline_age_seconds", "drift_score", "latent_rank", "budget_spent_ratio",
	} {
		if !strings.Contains(text, "# TYPE "+name+" ") {
			t.Errorf("no %s", name)
		}
	}
	if !strings.Contains(text, `surprise_score{stream="tank"} NaN`) {
		t.Error("a score that is not known yet is not NaN")
	}
	normal := make([]float64, 3000)
	for i := range normal {
		normal[i] = float64(i*7919%3000) / 3000
	}
	c, err := alarm.Calibrate(normal, alarm.Config{Step: time.Minute, Made: at})
	if err != nil {
		t.Fatal(err)
	}
	j, err := alarm.NewJudge(c, alarm.JudgeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := j.Observe(at.Add(time.Minute), 9)
	if err != nil {
		t.Fatal(err)
	}
	m.Judged(at.Add(90*time.Second), 9, v, j)
	m.Scored(time.Millisecond)
	m.Lag(2 * time.Second)
	m.Rank(3.5)
	m.Dropped(7)
	m.Lost()
	m.Factor(12, 8, false)
	m.Factor(13, 8, true)
	text = scrape(t, m)
	for _, line := range []string{
		`surprise_score{stream="tank"} 13`, `surprise_threshold{stream="tank"} 8`, `surprise_alarms_total{kind="plain",stream="tank"} 1`, `surprise_alarms_total{kind="fast",stream="tank"} 1`, `surprise_alarms_total{kind="slow",stream="tank"} 0`,
		`stream_lag_seconds{stream="tank"} 2`, `frames_dropped_total{stream="tank"} 7`, `inference_seconds_count{stream="tank"} 1`,
		`baseline_age_seconds{stream="tank"} 90`, `latent_rank{stream="tank"} 3.5`, `budget_spent_ratio{stream="tank"} 1`,
		`alarm_events_lost_total{stream="tank"} 1`, `drift_score{stream="tank"} 0`,
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("no line %s in\n%s", line, text)
		}
	}
}

func scrape(t *testing.T, m *sink.Metrics) string {
	t.Helper()
	address, stop, err := m.Serve(context.Background(), "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := m.Serve(context.Background(), address); err == nil {
		t.Error("an address is served twice")
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	return string(text)
}
