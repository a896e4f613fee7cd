package sink

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"foresee/surprise/alarm"
)

// Headers of a webhook's requests.
const (
	HeaderTimestamp = "Foresee-Timestamp" // Unix seconds at which the attempt was signed
	HeaderSignature = "Foresee-Signature" // "v1=" and the hexadecimal HMAC, see Sign
	HeaderKey       = "Idempotency-Key"   // Event.ID: the same in every attempt
)

// WebhookConfig says where events are posted. Zero fields have the documented
// default.
type WebhookConfig struct {
	URL      string        // http or https
	Secret   []byte        // signs; none means no signature
	Attempts int           // 0 means 6
	Backoff  time.Duration // before the second attempt, twice as long before each further one, 30 s at most; 0 means 500 ms
	Timeout  time.Duration // of an attempt; 0 means 10 s
}

// Webhook posts events as JSON. It is a Sink for any number of goroutines.
//
// A status of 2xx is delivered. 408, 425, 429, 5xx, and a connection that fails,
// are tried again, not before Retry-After if that says so in seconds, at most
// 30; any other status, redirects too, is final.
type Webhook struct {
	cfg    WebhookConfig
	client *http.Client
	now    func() time.Time
}

// NewWebhook returns the faults of cfg as an error.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	if cfg.Attempts == 0 {
		cfg.Attempts = 6
	}
	if cfg.Backoff == 0 {
		cfg.Backoff = 500 * time.Millisecond
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	if cfg.Attempts < 1 || cfg.Backoff < 0 || cfg.Timeout < 0 {
		return nil, fmt.Errorf("sink: webhook: %d attempts, back-off %v, timeout %v, want at least 1, and not below 0", cfg.Attempts, cfg.Backoff, cfg.Timeout)
	}
	u, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("sink: webhook: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("sink: webhook: %q is no http or https URL", cfg.URL)
	}
	return &Webhook{cfg: cfg, now: time.Now, client: &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Sign returns "v1=" and the hexadecimal HMAC-SHA256, keyed by secret, of
// timestamp, a full stop and body.
//
// Source of HMAC: RFC 2104.
func Sign(secret []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(timestamp))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// Verify is for receivers: it returns why a request is not from who holds
// secret, or was signed more than tolerance before or after now; nil if it is good.
func Verify(secret []byte, r http.Header, body []byte, now time.Time, tolerance time.Duration) error {
	stamp := r.Get(HeaderTimestamp)
	if !hmac.Equal([]byte(Sign(secret, stamp, body)), []byte(r.Get(HeaderSignature))) {
		return errors.New("sink: the signature does not match")
	}
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("sink: timestamp: %w", err)
	}
	if age := now.Sub(time.Unix(seconds, 0)).Abs(); age > tolerance {
		return fmt.Errorf("sink: signed %v from now, more than %v", age.Round(time.Second), tolerance)
	}
	return nil
}

// longestWait bounds back-off and what Retry-After may ask for.
const longestWait = 30 * time.Second

// Send implements Sink.
func (w *Webhook) Send(ctx context.Context, e alarm.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("sink: webhook: alarm %s: %w", e.ID, err)
	}
	wait := min(w.cfg.Backoff, longestWait)
	for attempt := 1; ; attempt++ {
		after, err := w.post(ctx, e.ID, body)
		var final *finalError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil, errors.As(err, &final), attempt == w.cfg.Attempts:
			return fmt.Errorf("sink: webhook %s: alarm %s, attempt %d: %w", w.host(), e.ID, attempt, err)
		}
		timer := time.NewTimer(max(wait, min(after, longestWait)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
		wait = min(2*wait, longestWait)
	}
}

// host names the receiver without what the URL may hold of secrets.
func (w *Webhook) host() string {
	u, err := url.Parse(w.cfg.URL)
	if err != nil {
		return "?"
	}
	return u.Host
}

// finalError is a status after which another attempt is no use.
type finalError struct{ status string }

func (e *finalError) Error() string { return "the receiver answered " + e.status }

// post makes one attempt; after is how long the receiver asks to wait.
func (w *Webhook) post(ctx context.Context, key string, body []byte) (after time.Duration, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.cfg.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	stamp := strconv.FormatInt(w.now().Unix(), 10)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(HeaderTimestamp, stamp)
	r.Header.Set(HeaderKey, key)
	if len(w.cfg.Secret) > 0 {
		r.Header.Set(HeaderSignature, Sign(w.cfg.Secret, stamp, body))
	}
	answer, err := w.client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its text has the whole URL in it
			err = u.Err
		}
		return 0, err
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	seconds, _ := strconv.Atoi(strings.TrimSpace(answer.Header.Get("Retry-After")))
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return 0, nil
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code/100 == 5:
		return time.Duration(max(0, min(seconds, 60))) * time.Second, fmt.Errorf("the receiver answered %s", answer.Status)
	}
	return 0, &finalError{answer.Status}
}
