package cli

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"foresee/surprise/alarm"
	"foresee/watch/sink"
)

// sinkFlags say where alarms go besides stdout.
type sinkFlags struct {
	Webhook string `placeholder:"URL" help:"POST every alarm's begin and end there as JSON, with retries and an Idempotency-Key."`
	Secret  string `placeholder:"FILE" help:"Sign what goes to --webhook with the key in this file: HMAC-SHA256 over time stamp, full stop and body."`
	Metrics string `placeholder:"ADDR" help:"Answer Prometheus at this address, such as localhost:9090, below /metrics."`
}

// webhook returns the receiver of --webhook, nil without one.
func (f sinkFlags) webhook() (*sink.Webhook, error) {
	if f.Webhook == "" {
		if f.Secret != "" {
			return nil, usagef("--secret signs what goes to --webhook, and there is none")
		}
		return nil, nil
	}
	cfg := sink.WebhookConfig{URL: f.Webhook}
	if f.Secret != "" {
		raw, err := os.ReadFile(f.Secret)
		if err != nil {
			return nil, fmt.Errorf("--secret: %w", err)
		}
		if cfg.Secret = bytes.TrimSpace(raw); len(cfg.Secret) == 0 {
			return nil, fmt.Errorf("--secret: %s is empty", f.Secret)
		}
	}
	return sink.NewWebhook(cfg)
}

// alarmQueue is how many alarms may wait for a webhook.
const alarmQueue = 256

// sinks are open sinks; the zero value has none.
type sinks struct {
	stream  string
	queue   *sink.Queue
	metrics *sink.Metrics
	stop    func() error
}

// open starts what the flags ask for; close must follow.
func (f sinkFlags) open(ctx context.Context, a *app, stream string) (*sinks, error) {
	hook, err := f.webhook()
	if err != nil {
		return nil, err
	}
	s := &sinks{stream: stream, metrics: sink.NewMetrics(stream), stop: func() error { return nil }}
	if f.Metrics != "" {
		at, stop, err := s.metrics.Serve(ctx, f.Metrics)
		if err != nil {
			return nil, err
		}
		s.stop = stop
		a.log.Info("metrics", "at", "http://"+at+"/metrics")
	}
	if hook != nil {
		s.queue = sink.NewQueue(hook, alarmQueue, func(e alarm.Event, err error) {
			s.metrics.Lost()
			a.log.Error("alarm not delivered", "id", e.ID, "state", e.State, "error", err)
		})
	}
	return s, nil
}

// put sends an event to those sinks that take events.
func (s *sinks) put(e alarm.Event) {
	if s.queue != nil {
		e.Stream, e.ID = s.stream, alarm.ID(s.stream, e.Time, e.State)
		s.queue.Put(e)
	}
}

// close delivers what waits, for at most 10 s.
func (s *sinks) close(ctx context.Context) error {
	if s.queue != nil {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		s.queue.Close(end)
		if c := s.queue.Counts(); c.Failed+c.Dropped > 0 {
			s.stop()
			return fmt.Errorf("%d of %d alarms did not reach the webhook", c.Failed+c.Dropped, c.Sent+c.Failed+c.Dropped)
		}
	}
	return s.stop()
}

// testAlarmCmd tries whether alarms arrive.
type testAlarmCmd struct {
	Webhook string `required:"" placeholder:"URL" help:"Where alarms go."`
	Secret  string `placeholder:"FILE" help:"Key that signs them."`
	Stream  string `default:"test" help:"Name of the stream in it (${default})."`
}

// Help says what is sent to --help.
func (c *testAlarmCmd) Help() string {
	return "Sends one event with state test, signed and retried like an alarm of foresee watch, and fails if it is not taken."
}

// Run sends it.
func (c *testAlarmCmd) Run(ctx context.Context, a *app) error {
	hook, err := sinkFlags{Webhook: c.Webhook, Secret: c.Secret}.webhook()
	if err != nil {
		return fmt.Errorf("test-alarm: %w", err)
	}
	now := time.Now().UTC()
	e := alarm.Event{ID: alarm.ID(c.Stream, now, alarm.Test), State: alarm.Test, Stream: c.Stream, Time: now, P: 1}
	if err := hook.Send(ctx, e); err != nil {
		return fmt.Errorf("test-alarm: %w", err)
	}
	a.sayf("the receiver took test alarm %s", e.ID)
	return nil
}
