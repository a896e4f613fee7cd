package data

import (
	"context"
	"time"
)

// A FrameSource hands out the frames of a video, of pictures or of a dataset in
// the order of time, one by one. It is for one goroutine.
type FrameSource interface {
	// FrameShape returns height, width and channels of every frame.
	FrameShape() (h, w, c int)
	// FPS returns frames a second, > 0.
	FPS() float64
	// Next writes the next frame to dst, [H, W, C], and returns its time since
	// the start of its episode's recording. The error is io.EOF after the last
	// frame, or that of ctx, after which the source is only good for Close. Next
	// panics if dst has another length.
	Next(ctx context.Context, dst []uint8) (time.Duration, error)
	// Episode returns the number, from 0, of the unbroken stretch of time that
	// the last frame belongs to.
	Episode() int
	// Close releases the source; a process behind it has ended when it returns.
	Close() error
}

// An ActionSource is a [FrameSource] that knows what was done.
type ActionSource interface {
	FrameSource
	// Action returns the action taken at the last frame, [A], as a view: it leads
	// to the next one. It is 0 at the last frame of an episode, and nil without
	// actions.
	Action() []float32
}

// An Event is something that happened to a source between its frames.
type Event struct {
	Kind   string        // one of the constants below
	Time   time.Duration // of the last frame before it, as Next gave it
	Detail string        // in words, for people
}

// Kinds of events of a source.
const (
	EventJump         = "clock_jump"   // the clock of the recording jumped; what follows is a new episode
	EventDamaged      = "damaged"      // a part cannot be decoded; the decoder goes on
	EventTruncated    = "truncated"    // the recording ends before its length says
	EventRepeats      = "repeats"      // the source is slower than asked for, so frames are repeated
	EventStale        = "stale"        // no frame has come for too long
	EventFrozen       = "frozen"       // frames come, but for too long the same
	EventDisconnected = "disconnected" // the source is gone
	EventReconnecting = "reconnecting" // about to be opened again
	EventReconnected  = "reconnected"  // frames come again
)
