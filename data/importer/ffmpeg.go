package importer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"foresee/data"
)

// ErrNoFFmpeg is wrapped by the error of [Open] for a video when ffmpeg or
// ffprobe is not installed.
var ErrNoFFmpeg = errors.New("reading video needs ffmpeg and ffprobe, which are not installed (Debian: apt install ffmpeg); GIF, Y4M and folders of PNG or JPEG work without")

// stream is what ffprobe says of the first video stream.
type stream struct {
	Codec  string `json:"codec_name"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
	Real   string `json:"r_frame_rate"`
	Mean   string `json:"avg_frame_rate"`
	Length string `json:"duration"` // seconds, or empty or N/A

	start  time.Duration // clock of the first packet, of all streams
	length time.Duration // 0 = not known
}

// video is a FrameSource over an ffmpeg process that writes raw frames.
type video struct {
	o     Options
	rate  float64
	cmd   *exec.Cmd
	out   io.ReadCloser
	notes *tail
	count int
	end   error  // what Next returns from now on
	short string // the recording ended before its time

	mu     sync.Mutex
	waited bool // the process is gone: its number may be another's
}

func openVideo(ctx context.Context, path string, o Options) (data.FrameSource, error) {
	o, err := o.pictured()
	if err != nil {
		return nil, err
	}
	input := inputArgs(path)
	info, err := probe(ctx, input)
	if err != nil {
		return nil, err
	}
	rate, text := o.FPS, strconv.FormatFloat(o.FPS, 'f', -1, 64)
	if rate == 0 {
		rate, text = info.rate()
	}
	v := &video{o: o, rate: rate, notes: &tail{limit: 4096}}
	v.prepare(frameArgs(input, o, info, text))
	v.cmd.Stderr = v.notes
	if v.out, err = v.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	if err := v.cmd.Start(); err != nil {
		return nil, err
	}
	return v, nil
}

// prepare makes the command.
func (v *video) prepare(args []string) {
	v.cmd = exec.Command("ffmpeg", args...)
	v.cmd.SysProcAttr = ownGroup()
	v.cmd.WaitDelay = 5 * time.Second
}

// probe asks ffprobe for the video stream, cover pictures of music apart.
func probe(ctx context.Context, input []string) (stream, error) {
	for _, program := range []string{"ffmpeg", "ffprobe"} {
		if _, err := exec.LookPath(program); err != nil {
			return stream{}, ErrNoFFmpeg
		}
	}
	notes := &tail{limit: 4096}
	cmd := exec.CommandContext(ctx, "ffprobe", append([]string{"-v", "error", "-select_streams", "V:0",
		"-show_entries", "stream=codec_name,width,height,r_frame_rate,avg_frame_rate,duration:format=start_time,duration", "-of", "json"}, input...)...)
	cmd.Stderr = notes
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	out, err := cmd.Output()
	if ctx.Err() != nil {
		return stream{}, ctx.Err()
	}
	if err != nil && bytes.Contains(notes.text, []byte("moov atom not found")) {
		return stream{}, errors.New("is not a video that ffmpeg can read, or is truncated: the index that this kind of file has at its end is missing (moov atom not found)")
	}
	if err != nil {
		return stream{}, fmt.Errorf("is not a video that ffmpeg can read: %s", notes.last(err))
	}
	var reply struct {
		Streams []stream `json:"streams"`
		Format  struct {
			Start  string `json:"start_time"`
			Length string `json:"duration"`
		} `json:"format"`
	}
	if err := json.Unmarshal(out, &reply); err != nil {
		return stream{}, fmt.Errorf("ffprobe's answer: %w", err)
	}
	if len(reply.Streams) == 0 {
		return stream{}, errors.New("holds no video")
	}
	s := reply.Streams[0]
	if s.Codec == "ansi" { // ffmpeg plays any .txt as terminal art
		return stream{}, errors.New("is text, not a video")
	}
	if s.Width < 1 || s.Height < 1 {
		return stream{}, errors.New("is not a video that ffmpeg can read: its frames have no size")
	}
	s.start = clock(reply.Format.Start)
	if s.length = clock(s.Length); s.length == 0 {
		s.length = clock(reply.Format.Length)
	}
	return s, nil
}

// clock returns seconds in ffprobe's words as a time, 0 for what is not one.
func clock(seconds string) time.Duration {
	v, err := strconv.ParseFloat(seconds, 64)
	if err != nil || math.Abs(v) > 1e9 { // NaN fails to compare
		return 0
	}
	return time.Duration(math.Round(v * 1e9))
}

// rate returns the mean frame rate and its text, a ratio.
func (s stream) rate() (float64, string) {
	for _, text := range []string{s.Mean, s.Real} {
		num, den, _ := strings.Cut(text, "/")
		n, err1 := strconv.ParseFloat(num, 64)
		m, err2 := strconv.ParseFloat(den, 64)
		if err1 == nil && err2 == nil && n > 0 && m > 0 {
			return n / m, text
		}
	}
	return PictureFPS, strconv.Itoa(PictureFPS)
}

// frameArgs are ffmpeg's arguments for raw frames at a fixed rate.
func frameArgs(input []string, o Options, info stream, rate string) []string {
	seconds := func(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 9, 64) }
	args := []string{"-nostdin", "-v", "error"}
	if o.From > 0 {
		args = append(args, "-ss", seconds(o.From))
	}
	args = append(args, input...)
	if o.To > 0 {
		args = append(args, "-t", seconds(o.To-o.From))
	}
	return append(args, rawArgs(o, info, "fps="+rate)...)
}

// rawArgs ask for raw frames of the wanted size and colours on standard output,
// behind a filter.
func rawArgs(o Options, info stream, first string) []string {
	flags := "bicubic"
	if o.Width*o.Height < info.Width*info.Height {
		flags = "area"
	}
	format := "rgb24"
	if o.Channels == 1 {
		format = "gray"
	}
	filter := fmt.Sprintf("%s,scale=%d:%d:flags=%s+accurate_rnd+full_chroma_int", first, o.Width, o.Height, flags)
	return []string{"-map", "0:V:0", "-an", "-sn", "-dn", "-vf", filter, "-pix_fmt", format, "-f", "rawvideo", "pipe:1"}
}

func (v *video) FrameShape() (h, w, c int) { return v.o.Height, v.o.Width, v.o.Channels }
func (v *video) FPS() float64              { return v.rate }
func (v *video) Episode() int              { return 0 }

func (v *video) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	checkFrame(v, dst)
	if v.end != nil {
		return 0, v.end
	}
	stop := context.AfterFunc(ctx, v.kill)
	_, err := io.ReadFull(v.out, dst)
	if !stop() && ctx.Err() != nil {
		v.wait()
		v.end = ctx.Err()
		return 0, v.end
	}
	if err != nil {
		v.end = v.finish(err)
		return 0, v.end
	}
	v.count++
	return v.o.From + at(v.count-1, v.rate), nil
}

// finish turns the end of the pipe into io.EOF, or into what went wrong.
func (v *video) finish(err error) error {
	if waitErr := v.wait(); waitErr != nil {
		return fmt.Errorf("ffmpeg failed after %d frames: %s", v.count, v.notes.last(waitErr))
	}
	if err == io.ErrUnexpectedEOF {
		return fmt.Errorf("ffmpeg ended within frame %d: %s", v.count, v.notes.last(err))
	}
	return err
}

// Warning returns what ffmpeg complained about without giving up, or that the
// recording ended before its time.
func (v *video) Warning() string {
	if v.end != io.EOF {
		return ""
	}
	if v.short != "" {
		return v.short
	}
	return v.notes.last(nil)
}

// kill ends the process and those it started; safe at any time.
func (v *video) kill() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.waited {
		killGroup(v.cmd.Process)
	}
}

// wait collects the process once the pipe is at its end or the process killed.
func (v *video) wait() error {
	err := v.cmd.Wait()
	v.mu.Lock()
	v.waited = true
	v.mu.Unlock()
	return err
}

func (v *video) Close() error {
	if v.end == nil {
		v.end = errors.New("closed")
		v.kill()
		v.wait()
	}
	return nil
}

// tail keeps the end of what a process writes to its standard error.
type tail struct {
	limit int
	mu    sync.Mutex
	text  []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if extra := len(t.text) - t.limit; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(b), nil
}

// last returns the last line, or err if there is none.
func (t *tail) last(err error) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.text), []byte("\n"))
	if line := string(lines[len(lines)-1]); line != "" || err == nil {
		return line
	}
	return err.Error()
}
