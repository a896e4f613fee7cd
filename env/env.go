// Package env defines what foresee asks of a world: reset with a seed, step with an action, observe pixels.
//
// The semantics are Gymnasium's (reset returns the first observation, a step tells terminated and truncated
// apart, spaces have bounds), so a Gymnasium or MuJoCo world can be joined by an adapter. The worlds live in
// sub-packages. A world knows nothing of models, planners or data on disk.
package env

import "errors"

// ErrEpisodeOver is returned by Env.Step after a step that was terminated or truncated, and before the first Reset
// of a world that starts without an episode.
var ErrEpisodeOver = errors.New("env: the episode is over, call Reset")

// Box is an axis-aligned box of allowed vectors, both bounds included. Low and High have one value a dimension;
// they are shared, not copied, and must not be changed.
type Box struct{ Low, High []float32 }

// Size returns the number of dimensions.
func (b Box) Size() int { return len(b.Low) }

// Contains reports whether v has the box's size and lies within its bounds. A NaN lies nowhere.
func (b Box) Contains(v []float32) bool {
	if len(v) != len(b.Low) {
		return false
	}
	for i, x := range v {
		if !(x >= b.Low[i] && x <= b.High[i]) {
			return false
		}
	}
	return true
}

// Spec describes a world: its frames [Height, Width, Channels] uint8, its action box, and after how many steps an
// episode is truncated (0 means never). Whether Step clips an action to the box is the world's own documented rule.
type Spec struct {
	Name                    string
	Height, Width, Channels int
	Action                  Box
	MaxSteps                int
}

// FrameSize returns the bytes of one frame, Height·Width·Channels.
func (s Spec) FrameSize() int { return s.Height * s.Width * s.Channels }

// Observation is what an agent may see. Pixels is [Height, Width, Channels] row-major; Proprio holds the body's own
// readings and is nil in a world without any. Both belong to the caller: a world never writes to them again.
type Observation struct {
	Pixels  []uint8
	Proprio []float32
}

// Step is the result of one action. Terminated means that the world reached an end of its own (goal, failure),
// Truncated that the step budget ran out.
type Step struct {
	Observation           Observation
	Reward                float32
	Terminated, Truncated bool
}

// Env is a world in which an agent acts. An Env is used by one goroutine at a time.
type Env interface {
	// Spec returns the same value for the life of the world.
	Spec() Spec
	// Reset starts the episode that seed names and returns its first observation. The same seed gives the same
	// episode, and the same actions in it the same observations.
	Reset(seed uint64) (Observation, error)
	// Step applies one action of Spec().Action.Size() values. It fails on another size, on a value that is not
	// finite, and with ErrEpisodeOver when the episode has ended; a failed call changes nothing.
	Step(action []float32) (Step, error)
	// Close releases what the world holds. It may be called more than once.
	Close() error
}
