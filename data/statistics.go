package data

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Fingerprint identifies the dataset: 32 hexadecimal digits of the SHA-256 of
// its meta.json fields, its episode lengths and the bytes of 64 frames and
// actions spread over it.
func (d *Dataset) Fingerprint() (string, error) {
	h := sha256.New()
	meta, err := json.Marshal(d.Meta())
	if err != nil {
		return "", err
	}
	h.Write(meta)
	for i := range d.Episodes() {
		offset, length := d.Episode(i)
		fmt.Fprintln(h, offset, length)
	}
	actions, hasActions := d.Column(ActionColumn)
	for i := range 64 {
		step := i * (d.Steps() - 1) / 63
		h.Write(d.Frame(step))
		if hasActions {
			fmt.Fprintln(h, actions.Row(step))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// ChannelMoments returns the mean [C] of pixel/255 by channel and the channels'
// covariance [C, C], over all pixels of up to so many frames spread evenly over
// the dataset. Without pixels both are empty.
func (d *Dataset) ChannelMoments(frames int) (mean, cov []float64) {
	h, w, c := d.FrameShape()
	mean, cov = make([]float64, c), make([]float64, c*c)
	frames = min(frames, d.Steps())
	steps := make([]int, frames)
	for i := range steps {
		steps[i] = i * (d.Steps() - 1) / max(1, frames-1)
	}
	d.Expect(steps...)
	for _, step := range steps {
		pixels := d.Frame(step)
		for at := 0; at < len(pixels); at += c {
			for j, v := range pixels[at : at+c] {
				x := float64(v) / 255
				mean[j] += x
				for k, u := range pixels[at : at+c] {
					cov[j*c+k] += x * float64(u) / 255
				}
			}
		}
	}
	n := float64(frames * h * w)
	for j := range mean {
		mean[j] /= n
	}
	for i := range cov {
		cov[i] = cov[i]/n - mean[i/c]*mean[i%c]
	}
	return mean, cov
}
