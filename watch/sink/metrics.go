package sink

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"foresee/surprise/alarm"
)

// Metrics are the figures of one stream for Prometheus, each with the label
// stream. What is not known yet is NaN, not 0. All methods may be called from
// several goroutines.
type Metrics struct {
	registry  *prometheus.Registry
	score     prometheus.Gauge
	p         prometheus.Gauge
	threshold prometheus.Gauge
	lag       prometheus.Gauge
	age       prometheus.Gauge
	drift     prometheus.Gauge
	rank      prometheus.Gauge
	spent     prometheus.Gauge
	alarms    *prometheus.CounterVec
	dropped   prometheus.Counter
	lost      prometheus.Counter
	inference prometheus.Histogram
}

// NewMetrics returns the figures of a stream, all unknown.
func NewMetrics(stream string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	label := prometheus.Labels{"stream": stream}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: label})
		g.Set(math.NaN())
		m.registry.MustRegister(g)
		return g
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: label})
		m.registry.MustRegister(c)
		return c
	}
	m.score = gauge("surprise_score", "Surprise of the last reading or frame.")
	m.p = gauge("surprise_pvalue", "Probability that a normal block reaches that surprise.")
	m.threshold = gauge("surprise_threshold", "Surprise from which there is a fast or a plain alarm.")
	m.lag = gauge("stream_lag_seconds", "From when the last reading or frame was taken to when it was scored.")
	m.age = gauge("baseline_age_seconds", "Age of the newest score that counts as normal.")
	m.drift = gauge("drift_score", "From 1 on the stream is distributed otherwise than in calibration.")
	m.rank = gauge("latent_rank", "Participation ratio of the latents.")
	m.spent = gauge("budget_spent_ratio", "Alarms of the budget's last time over those it allows.")
	m.dropped = counter("frames_dropped_total", "Readings or frames left out because the source was faster.")
	m.lost = counter("alarm_events_lost_total", "Events that a sink did not take.")
	m.alarms = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "surprise_alarms_total", Help: "Alarms that began, by kind.", ConstLabels: label}, []string{"kind"})
	m.inference = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "inference_seconds", Help: "Time to score a reading or a frame.", ConstLabels: label,
		Buckets: prometheus.ExponentialBuckets(1e-6, 4, 13),
	})
	m.registry.MustRegister(m.alarms, m.inference)
	for _, kind := range []string{alarm.Fast, alarm.Slow, alarm.Plain} { // a rate wants the 0 before the first
		m.alarms.WithLabelValues(kind)
	}
	return m
}

// Judged shows a score, of the statistic v.By, and what a judge said of it at now.
func (m *Metrics) Judged(now time.Time, score float64, v alarm.Verdict, j *alarm.Judge) {
	threshold, _ := j.Threshold(v.By)
	m.score.Set(score)
	m.p.Set(v.P)
	m.threshold.Set(threshold)
	m.drift.Set(v.Drift)
	m.age.Set(j.BaselineAge(now).Seconds())
	m.spent.Set(j.Spent(now))
	if v.Alarm {
		m.alarms.WithLabelValues(v.Kind).Inc()
	}
}

// Factor shows a surprise over what was expected, which no judge looked at, and the factor of it from which there is an
// alarm, and counts one that begins here. What only a calibration knows stays NaN.
func (m *Metrics) Factor(relative, factor float64, begins bool) {
	m.score.Set(relative)
	m.threshold.Set(factor)
	if begins {
		m.alarms.WithLabelValues(alarm.Plain).Inc()
	}
}

// Scored counts the time it took to score one reading or frame.
func (m *Metrics) Scored(took time.Duration) { m.inference.Observe(took.Seconds()) }

// Lag shows how far behind the stream is.
func (m *Metrics) Lag(d time.Duration) { m.lag.Set(d.Seconds()) }

// Rank shows the participation ratio of the latents.
func (m *Metrics) Rank(rank float64) { m.rank.Set(rank) }

// Dropped counts readings or frames left out; it panics below 0.
func (m *Metrics) Dropped(n int) { m.dropped.Add(float64(n)) }

// Lost counts an event that a sink did not take.
func (m *Metrics) Lost() { m.lost.Inc() }

// Handler answers with the figures in Prometheus' text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Serve answers requests for /metrics at a TCP address, such as
// "localhost:9090", until stop is called. It returns the address it listens on at
// once, and stop, which waits up to 2 s for requests under way.
func (m *Metrics) Serve(ctx context.Context, address string) (at string, stop func() error, err error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "", nil, fmt.Errorf("sink: metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", m.Handler())
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	return l.Addr().String(), func() error {
		end, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		err := s.Shutdown(end)
		if e := <-served; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
		if err != nil {
			return fmt.Errorf("sink: metrics: %w", err)
		}
		return nil
	}, nil
}
