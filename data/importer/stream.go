package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"foresee/data"
)

// jumpLimit is how far a clock may run ahead before that is a jump and not a
// slow frame; at least three frames are allowed.
const jumpLimit = time.Second

// early is how much sooner than its turn, in frames, a frame may come. Clocks
// jitter; a frame that comes late is on time until the next turn.
const early = 0.25

// stampedVideo is a FrameSource over an ffmpeg process that tells the clock of every
// frame. Unlike video it does not trust the clock: where that jumps, a new
// episode begins, instead of hours of one frame repeated.
type stampedVideo struct {
	video
	info    stream
	path    string // of a local file
	live    bool
	event   func(data.Event)
	stamps  *stamps
	origin  time.Duration // clock that counts as time 0
	started bool
	clock   time.Duration // of the last frame read, the recording's own
	begin   time.Duration // clock of the episode's first frame
	shift   time.Duration // added to the clock so that time never runs back
	tick    int           // of the last frame given, from begin, in frames
	given   time.Duration // time of the last frame given
	count   int
	episode int
	held    []uint8 // the last frame given
	next    []uint8 // read, to be given once its turn comes
	waiting int     // tick of next; frames before it repeat held
	pending bool
	cut     bool // ended by To
	damage  int
}

// OpenStream opens a source for watching: a camera (/dev/videoN, or v4l2: and a
// path) or a video behind a URL or in a file, through ffmpeg, else what Open
// opens. The rate Options.FPS is met by leaving out and repeating frames, by the
// clock that the recording carries. A clock that jumps begins a new episode. What
// happens between frames is told to event (nil = nobody) from within Next, before
// the frame that follows it. ctx bounds the opening alone.
func OpenStream(ctx context.Context, source string, o Options, event func(data.Event)) (data.FrameSource, error) {
	if event == nil {
		event = func(data.Event) {}
	}
	_, cam := camera(source)
	if !cam && !isURL(source) && !isVideoFile(source) {
		return Open(ctx, source, o)
	}
	err := o.validate()
	var src data.FrameSource
	if err == nil {
		src, err = openStamped(ctx, source, o, event)
	}
	if err != nil {
		return nil, fmt.Errorf("importer: %s: %w", source, err)
	}
	return src, nil
}

func openStamped(ctx context.Context, source string, o Options, event func(data.Event)) (data.FrameSource, error) {
	o, err := o.pictured()
	if err != nil {
		return nil, err
	}
	if device, ok := camera(source); ok {
		if err := checkCamera(device); err != nil {
			return nil, err
		}
	}
	input := inputArgs(source)
	info, err := probe(ctx, input)
	if err != nil {
		return nil, err
	}
	native, _ := info.rate()
	v := &stampedVideo{video: video{o: o, rate: o.FPS, notes: &tail{limit: 4096}}, info: info, event: event}
	v.live = IsLive(source) || isURL(source) && info.length == 0
	v.origin = info.start
	if _, cam := camera(source); !cam && !isURL(source) {
		v.path = source
	}
	if v.rate == 0 {
		v.rate = native
	}
	size := o.Height * o.Width * o.Channels
	v.held, v.next = make([]uint8, size), make([]uint8, size)
	v.prepare(stampedArgs(input, o, info, v.live))
	if v.out, err = v.cmd.StdoutPipe(); err != nil {
		return nil, err
	}
	told, err := v.cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := v.cmd.Start(); err != nil {
		return nil, err
	}
	v.stamps = readStamps(told, v.notes)
	if native < 0.9*v.rate {
		v.tell(data.EventRepeats, fmt.Sprintf("the source has %.4g frames a second, %.4g are wanted: frames are repeated", native, v.rate))
	}
	return v, nil
}

// stampedArgs are ffmpeg's arguments for raw frames at the source's own rate, the
// clock of each on standard error.
func stampedArgs(input []string, o Options, info stream, live bool) []string {
	args := []string{"-nostdin", "-hide_banner", "-nostats", "-v", "repeat+level+info", "-copyts"}
	if live {
		args = append(args, "-fflags", "nobuffer", "-flags", "low_delay")
	}
	if o.From > 0 && !live {
		args = append(args, "-ss", strconv.FormatFloat(o.From.Seconds(), 'f', 9, 64))
	}
	args = append(append(args, input...), "-fps_mode", "passthrough")
	return append(args, rawArgs(o, info, "showinfo=checksum=0")...)
}

func (v *stampedVideo) tell(kind, detail string) {
	v.event(data.Event{Kind: kind, Time: v.given, Detail: detail})
}

// Episode returns the number of the stretch between jumps of the clock.
func (v *stampedVideo) Episode() int { return v.episode }

// Live reports whether the source has no end of its own.
func (v *stampedVideo) Live() bool { return v.live }

// Aspect returns width over height of the recording's own frames.
func (v *stampedVideo) Aspect() float64 { return float64(v.info.Width) / float64(v.info.Height) }

// Recording returns the path of the file behind the source, "" if there is none.
func (v *stampedVideo) Recording() string { return v.path }

// Length returns how long the recording says it is; 0 if it does not say.
func (v *stampedVideo) Length() time.Duration { return v.info.length }

// Next gives the frame whose turn it is, reading as many as that takes.
func (v *stampedVideo) Next(ctx context.Context, dst []uint8) (time.Duration, error) {
	checkFrame(v, dst)
	if v.end != nil {
		return 0, v.end
	}
	stop := context.AfterFunc(ctx, v.kill)
	defer stop()
	for !v.pending {
		err := v.read()
		if ctx.Err() != nil {
			v.collect()
			v.end = ctx.Err()
			return 0, v.end
		}
		if err != nil {
			v.end = v.finishStamped(err)
			return 0, v.end
		}
	}
	if v.count > 0 && v.tick+1 < v.waiting {
		v.tick++
	} else {
		v.held, v.next = v.next, v.held
		v.tick, v.pending = v.waiting, false
	}
	copy(dst, v.held)
	v.count++
	v.given = v.begin + v.shift + at(v.tick, v.rate)
	return v.given, nil
}

// read reads one frame and decides whether, and when, it is given.
func (v *stampedVideo) read() error {
	if _, err := io.ReadFull(v.out, v.next); err != nil {
		return err
	}
	stamp, damage := v.stamps.wait()
	if damage > v.damage {
		v.tell(data.EventDamaged, v.notes.last(nil))
		v.damage = damage
	}
	now := time.Duration(math.Round(stamp * 1e9))
	if math.IsNaN(stamp) { // no clock of its own: as late as it may be
		now = v.clock + at(1, v.rate)
	}
	if !v.started {
		v.started = true
		if v.live {
			v.origin = now
		}
		v.begin, v.clock, v.waiting, v.pending = now-v.origin, now, 0, true
		return nil
	}
	last, gap := v.clock, now-v.clock
	v.clock = now
	limit := max(jumpLimit, at(3, v.rate))
	switch {
	case gap > limit || gap < -limit/2:
		v.jump(last, now, gap)
	default:
		v.waiting = int(math.Floor((now-v.origin-v.begin).Seconds()*v.rate + early))
		v.pending = v.waiting > v.tick
	}
	if v.o.To > 0 && !v.live && now-v.origin+time.Microsecond >= v.o.To {
		v.pending, v.cut = false, true
		return io.EOF
	}
	return nil
}

// jump begins an episode at clock now. Time goes on as the clock does, but never
// back.
func (v *stampedVideo) jump(last, now, gap time.Duration) {
	v.tell(data.EventJump, fmt.Sprintf("the clock of the recording went from %.3f s to %.3f s, %+.3f s in one frame", (last-v.origin).Seconds(), (now-v.origin).Seconds(), gap.Seconds()))
	v.begin, v.waiting, v.pending = now-v.origin, 0, true
	if v.begin+v.shift <= v.given {
		v.shift = v.given + at(1, v.rate) - v.begin
	}
	v.tick = 0
	v.episode++
}

// collect ends the process, which may be gone, and what listens to it.
func (v *stampedVideo) collect() error {
	v.stamps.stop()
	return v.wait()
}

// finishStamped turns the end of the pipe into io.EOF, or into what went wrong. A
// recording that ends before its time is told of.
func (v *stampedVideo) finishStamped(err error) error {
	if v.cut {
		v.kill()
		v.collect()
		return io.EOF
	}
	failed := v.collect()
	reached := max(v.clock-v.origin, v.o.From)
	if !v.started {
		reached = v.o.From
	}
	if failed != nil {
		err = fmt.Errorf("ffmpeg failed after %d frames: %s", v.count, v.notes.last(failed))
	} else if err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("ffmpeg ended within frame %d: %s", v.count, v.notes.last(err))
	}
	slack := max(jumpLimit, at(3, v.rate))
	if !v.live && v.info.length > 0 && reached+slack < v.info.length {
		v.short = fmt.Sprintf("the video ends at %.2f s of %.2f s", reached.Seconds(), v.info.length.Seconds())
		v.tell(data.EventTruncated, v.short)
	}
	return err
}

// Close ends the process.
func (v *stampedVideo) Close() error {
	if v.end == nil {
		v.end = errors.New("closed")
		v.kill()
		v.collect()
	}
	return nil
}
