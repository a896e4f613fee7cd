package watch

import (
	"bytes"
	"time"
)

// frozenFactor says how many times longer than ever before a picture must stand still to be frozen.
const frozenFactor = 4

// frozen watches for a picture that no longer changes: a camera or a decoder that
// is stuck. A real camera's noise changes it; where still pictures are usual, as on a
// screen, the longest that ended by itself says what is usual.
type frozen struct {
	picture []uint8
	since   time.Duration // when it was first seen
	until   time.Duration // and last
	longest time.Duration // that a picture stood still and then changed
	told    bool
}

// away says that nothing was seen from the last picture up to a time: what was not seen did not stand still.
func (s *frozen) away(until time.Duration) { s.since, s.until = s.since+until-s.until, until }

// see takes the picture at a time, not before the last one's, and reports, once,
// that it has stood still for least and frozenFactor times longer than any before.
func (s *frozen) see(picture []uint8, at, least time.Duration) bool {
	if s.picture == nil || !bytes.Equal(s.picture, picture) {
		if s.picture != nil {
			s.longest = max(s.longest, s.until-s.since)
		}
		s.picture, s.since, s.until, s.told = append(s.picture[:0], picture...), at, at, false
		return false
	}
	s.until = at
	if s.told || at-s.since < max(least, frozenFactor*s.longest) {
		return false
	}
	s.told = true
	return true
}
