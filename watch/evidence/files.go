package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"foresee/report"
)

// mostGIF is how many frames an animation has at most; a longer clip is thinned.
const mostGIF = 60

// draw draws a frame in the size of all pictures.
func (r *Recorder) draw(pixels []uint8) *image.RGBA {
	return picture(pixels, r.cfg.Model.Frame, image.Pt(r.width, r.height))
}

// mark draws a box round the place of an alarm.
func (r *Recorder) mark(img *image.RGBA, a Alarm, ink color.Color, width int) {
	if a.At != nil {
		row, col := int(a.At[1]*float64(r.rows)), int(a.At[0]*float64(r.cols))
		box(img, cellRect(img.Rect, row, col, r.rows, r.cols).Inset(-2*width), ink, width)
	}
}

// writeFiles writes the pictures and clips of an alarm and lists them.
func (r *Recorder) writeFiles(ctx context.Context, dir string, p *pending) error {
	save := func(name string, b []byte) error {
		p.alarm.Files = append(p.alarm.Files, name)
		return report.ReplaceFile(filepath.Join(dir, name), b)
	}
	savePNG := func(name string, img image.Image) error {
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			return err
		}
		return save(name, b.Bytes())
	}
	errs := []error{savePNG("frame.png", r.draw(p.here)), savePNG("heat.png", r.heated(p))}
	if p.alarm.Normal != nil {
		errs = append(errs, savePNG("normal.png", r.draw(p.past.pixels)))
	}
	clip := r.clip(p)
	var b bytes.Buffer
	every := (len(clip) + mostGIF - 1) / mostGIF
	var thin []*image.RGBA
	for i := 0; i < len(clip); i += max(1, every) {
		thin = append(thin, clip[i])
	}
	if err := animate(&b, thin, r.rate()/float64(max(1, every))); err != nil {
		return err
	}
	errs = append(errs, save("clip.gif", b.Bytes()))
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return r.films(ctx, dir, p, clip)
}

// heated is the frame of the alarm with the p-values of its cells laid over it.
func (r *Recorder) heated(p *pending) *image.RGBA {
	img := r.draw(p.here)
	heat(img, p.p, r.rows, r.cols)
	return img
}

// rate returns frames a second of clips.
func (r *Recorder) rate() float64 {
	if fps := r.cfg.Model.Frame.FPS; fps > 0 {
		return fps
	}
	return 10
}

// clip draws the frames around an alarm.
func (r *Recorder) clip(p *pending) []*image.RGBA {
	red := color.RGBA{224, 49, 49, 255}
	out := make([]*image.RGBA, len(p.shots))
	for i, s := range p.shots {
		out[i] = r.draw(s.pixels)
		if s.time >= p.at {
			box(out[i], out[i].Rect, red, 3)
			if s.time-p.at < r.cfg.After/4 {
				r.mark(out[i], p.alarm, red, 2)
			}
		}
	}
	return out
}

// films makes clip.mp4 of the clip, and original.mp4 of the recording, through
// ffmpeg. Without ffmpeg, or if it fails, the alarm says so and has no such file.
func (r *Recorder) films(ctx context.Context, dir string, p *pending, clip []*image.RGBA) error {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		p.alarm.Missing = "clip.mp4 needs ffmpeg, which is not installed"
		return nil
	}
	var raw bytes.Buffer
	for _, img := range clip {
		raw.Write(img.Pix)
	}
	encode := []string{"-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4"}
	in := []string{"-f", "rawvideo", "-pix_fmt", "rgba", "-s", fmt.Sprintf("%dx%d", r.width, r.height), "-r", strconv.FormatFloat(r.rate(), 'f', -1, 64), "-i", "pipe:0"}
	why := film(ctx, filepath.Join(dir, "clip.mp4"), append(in, encode...), raw.Bytes())
	if why == nil {
		p.alarm.Files = append(p.alarm.Files, "clip.mp4")
	}
	if r.cfg.Source != "" {
		from := max(0, (p.at - r.cfg.Before).Seconds())
		in := []string{"-protocol_whitelist", "file", "-ss", fmt.Sprintf("%.3f", from), "-t", fmt.Sprintf("%.3f", p.at.Seconds()+r.cfg.After.Seconds()-from),
			"-i", "file:" + r.cfg.Source, "-map", "0:V:0", "-vf", "scale=trunc(iw/2)*2:trunc(ih/2)*2"}
		err := film(ctx, filepath.Join(dir, "original.mp4"), append(in, encode...), nil)
		if err == nil {
			p.alarm.Files = append(p.alarm.Files, "original.mp4")
		}
		why = errors.Join(why, err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if why != nil {
		p.alarm.Missing = why.Error()
	}
	return nil
}

// film runs ffmpeg to a temporary name and renames what it made.
func film(ctx context.Context, path string, args []string, input []byte) error {
	temporary := path + ".part"
	cmd := exec.CommandContext(ctx, "ffmpeg", append(append([]string{"-nostdin", "-v", "error", "-y"}, args...), "file:"+temporary)...)
	cmd.Stdin = bytes.NewReader(input)
	if text, err := cmd.CombinedOutput(); err != nil {
		os.Remove(temporary)
		return fmt.Errorf("%s: ffmpeg: %v: %s", filepath.Base(path), err, strings.TrimSpace(string(text)))
	}
	return os.Rename(temporary, path)
}

// show adds an alarm to the page.
func (r *Recorder) show(name string, p *pending) error {
	a := p.alarm
	r.page.Section(fmt.Sprintf("Alarm %d at %.1f s", a.Number, a.Time))
	text := a.Reason
	if a.CellP != nil {
		text += fmt.Sprintf(" The least p-value of a cell is %.1e.", *a.CellP)
	} else {
		text += " Too little of the normal past was seen for p-values of cells."
	}
	r.page.Text("%s", text)
	marked := r.draw(p.here)
	r.mark(marked, a, color.RGBA{224, 49, 49, 255}, 2)
	frames := []report.Frame{{Image: marked, Label: fmt.Sprintf("what came, frame %d", a.Frame)}, {Image: r.heated(p), Label: "where: p-values"}}
	caption := "There is no normal past to compare with yet."
	if a.Normal != nil {
		frames = append(frames, report.Frame{Image: r.draw(p.past.pixels), Label: fmt.Sprintf("normal, at %.1f s", *a.Normal)})
		caption = "Last: the moment of the normal past, before this clip, whose latent is nearest."
	}
	if err := r.page.Strip(caption, 200, frames...); err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	r.page.Linked(fmt.Sprintf("From %v before to %v after; framed from the alarm on.", r.cfg.Before, r.cfg.After), name+"/clip.gif", linked(name, a.Files)...)
	r.page.Chart(curve(p))
	return nil
}

// linked returns the paths of the files from the page.
func linked(name string, files []string) []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = name + "/" + f
	}
	return out
}

// curve draws the relative surprise over the clip.
func curve(p *pending) report.Chart {
	c := report.Chart{Title: "Relative surprise", XLabel: "s", YLabel: "over what was expected", LogY: true, Marks: []report.Mark{{X: p.at.Seconds(), Label: "alarm"}}}
	var x, y []float64
	for _, s := range p.shots {
		v := s.relative
		if v <= 0 {
			v = math.NaN()
		}
		x, y = append(x, s.time.Seconds()), append(y, v)
	}
	c.Series = []report.Series{{Name: "relative surprise", X: x, Y: y}}
	return c
}
