package physics

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Frames, Size and Channels are the shape of every clip: [Frames, Size, Size, Channels] uint8, RGB.
const (
	Frames   = 32
	Size     = 64
	Channels = 3
)

// Family is a principle that impossible clips break.
type Family int

// The ten families of the exact tier T0, then the other tiers. Memory families need only a memory of what was where;
// the others need to know how things move.
const (
	Permanence     Family = iota // a thing does not vanish or appear
	ShapeConstancy               // nor change its shape
	ColourConstancy
	Continuity       // a thing that passes behind two screens shows in the gap between them
	Teleport         // a thing at rest does not change its place
	Solidity         // a wall stops what rolls at it; twin: no wall, nothing stops it
	InertiaDirection // what moves keeps its direction; twin: a mirror bar reflects it
	InertiaSpeed     // what moves keeps its speed
	Gravity          // a shelf catches what falls and stops what was thrown up; twin: no shelf
	Collision        // what is hit moves on, what is not hit stays
	Support          // T1: what is pushed over an edge falls
	VisibleTeleport  // T2: a thing changes its place in full view
	VisibleColour    // T2: a thing changes its colour in full view

	families // how many
)

// None is the family of training clips without an event.
const None Family = -1

var familyNames = [families]string{
	"permanence", "shape", "colour", "continuity", "teleport", "solidity", "inertia-direction", "inertia-speed",
	"gravity", "collision", "support", "visible-teleport", "visible-colour",
}

// String returns the family's name in result rows, such as "inertia-speed".
func (f Family) String() string {
	if f == None {
		return "none"
	}
	if f < 0 || f >= families {
		return fmt.Sprintf("Family(%d)", int(f))
	}
	return familyNames[f]
}

// Families returns the ten families of the exact tier T0, in order.
func Families() []Family {
	fs := make([]Family, 0, Collision+1)
	for f := Permanence; f <= Collision; f++ {
		fs = append(fs, f)
	}
	return fs
}

// AllFamilies returns the families of all tiers, in order.
func AllFamilies() []Family {
	fs := make([]Family, families)
	for f := range fs {
		fs[f] = Family(f)
	}
	return fs
}

// ParseFamily returns the family of that name; the error lists all names.
func ParseFamily(name string) (Family, error) {
	if i := slices.Index(familyNames[:], name); i >= 0 {
		return Family(i), nil
	}
	return None, fmt.Errorf("physics: no family %q, want one of %s", name, strings.Join(familyNames[:], ", "))
}

// Tier returns 0 for families whose quadruplets are matched exactly, 1 for Support, whose impossible clips hold frames
// that no possible one has, and 2 for violations in full view.
func (f Family) Tier() int {
	switch f {
	case Support:
		return 1
	case VisibleTeleport, VisibleColour:
		return 2
	}
	return 0
}

// Memory reports whether memory of what was where settles the family, without any law of motion.
func (f Family) Memory() bool { return f <= Teleport || f.Tier() == 2 }

// MaxHidden returns the longest hidden run the family has room for: 16, 8 for Continuity (it hides twice) and
// Support, 0 in the visible tier.
func (f Family) MaxHidden() int {
	switch {
	case f == Continuity || f == Support:
		return 8
	case f.Tier() == 2:
		return 0
	}
	return 16
}

// Noise is what happens in a clip besides its event. All of it is a function of the quadruplet and the frame index, so
// the four clips share it and a splice stays exact. N1, N3, N4 and N5 lie behind bodies and screens.
type Noise int

// The noise axis, each with four levels.
const (
	N0 Noise = iota // none
	N1              // a patch of white noise, new each frame: 5, 10, 20, 40 % of the frame
	N2              // leaves at random places each frame, before everything: 2, 4, 8, 16 of them
	N3              // a random texture that stands still: amplitude 8, 16, 32, 64 grey levels
	N4              // the same, changing slowly, with a period of 256 frames
	N5              // 1, 2, 3, 4 discs on straight predictable ways
	N6              // the light flickers by up to 2, 5, 10, 20 %
	N7              // sensor noise, close to Gaussian: std 2, 8, 16, 24 grey levels
)

// MaxLevel is the strongest noise level; the weakest is 1.
const MaxLevel = 4

// Split says from where a quadruplet draws what training draws elsewhere. Training clips are always of Seen.
type Split int

// The splits. Where a family has no use for one (the height of Gravity's cover) it changes nothing.
const (
	Seen          Split = iota
	UnseenColours       // bodies in colours of no training clip
	UnseenShapes        // bodies in shapes of no training clip
	UnseenSpeeds        // faster than any training clip of the family at this hidden run
	UnseenScreens       // screens higher than in any training clip
	UnseenSizes         // bodies larger than in any training clip of the family

	splits
)

var splitNames = [splits]string{"seen", "unseen-colours", "unseen-shapes", "unseen-speeds", "unseen-screens", "unseen-sizes"}

// String returns the split's name, such as "unseen-colours".
func (s Split) String() string {
	if s < 0 || s >= splits {
		return fmt.Sprintf("Split(%d)", int(s))
	}
	return splitNames[s]
}

// ParseSplit returns the split of that name; the error lists all names.
func ParseSplit(name string) (Split, error) {
	if i := slices.Index(splitNames[:], name); i >= 0 {
		return Split(i), nil
	}
	return Seen, fmt.Errorf("physics: no split %q, want one of %s", name, strings.Join(splitNames[:], ", "))
}

// Config says which clips to draw. The zero value draws hidden runs of 4, 8, 12 and 16 frames as the family allows,
// without noise, from the distribution of training.
type Config struct {
	Hidden int   // length of the hidden run: 4, 8, 12 or 16, shortened to Family.MaxHidden; 0 draws it per clip
	Noise  Noise // N0 to N7
	Level  int   // 1 to MaxLevel; 0 is 2
	Split  Split // read by Quad and Benign, not by Train

	// Plain clips have one background, floor and screen, two colours, discs and squares, and nothing in sight that does
	// not belong to the event; no training clip is without one. Unless Hidden says otherwise the cut is hidden for 12
	// frames about the middle of the clip; Continuity, for 8, and InertiaSpeed find a time of their own. Not with a Split.
	Plain bool
}

// Validate reports every field that is out of range.
func (c Config) Validate() error {
	var errs []error
	switch c.Hidden {
	case 0, 4, 8, 12, 16:
	default:
		errs = append(errs, fmt.Errorf("physics: hidden run of %d frames, want 4, 8, 12, 16, or 0 for any", c.Hidden))
	}
	if c.Noise < N0 || c.Noise > N7 {
		errs = append(errs, fmt.Errorf("physics: noise %d, want 0 to 7", c.Noise))
	}
	if c.Level < 0 || c.Level > MaxLevel {
		errs = append(errs, fmt.Errorf("physics: noise level %d, want 1 to %d, or 0 for 2", c.Level, MaxLevel))
	}
	if c.Split < Seen || c.Split >= splits {
		errs = append(errs, fmt.Errorf("physics: split %d, want 0 to %d", c.Split, splits-1))
	}
	if c.Plain && c.Split != Seen {
		errs = append(errs, fmt.Errorf("physics: plain clips of split %v, but they are all like those of training; want seen", c.Split))
	}
	return errors.Join(errs...)
}

func (c Config) level() int {
	if c.Level == 0 {
		return 2
	}
	return c.Level
}
