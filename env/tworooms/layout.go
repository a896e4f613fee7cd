package tworooms

import (
	"fmt"
	"math/rand/v2"
)

// The world's geometry in pixels of the 65-px image.
const (
	Size       = 65  // pixels a side of a full frame; coordinates run from 0 to 64
	SmallSize  = 33  // pixels a side of the small frame: every second row and column of the full one
	Channels   = 2   // dot, walls
	DotStd     = 1.3 // standard deviation of the dot's Gaussian
	borderLow  = 4.0
	borderHigh = 60.0
	wallHalf   = 1 // the centre wall covers WallX-1 .. WallX+1
	doorHalf   = 4 // the door covers DoorY-4 .. DoorY+4
)

// The ranges a random layout is drawn from, both ends included: 25 · 45 = 1,125 layouts.
const (
	MinWallX, MaxWallX = 20, 44
	MinDoorY, MaxDoorY = 10, 54
)

// Point is a position or a displacement in pixels of the 65-px image, x to the right and y down.
type Point struct{ X, Y float64 }

// Add returns p + q.
func (p Point) Add(q Point) Point { return Point{p.X + q.X, p.Y + q.Y} }

// Sub returns p - q.
func (p Point) Sub(q Point) Point { return Point{p.X - q.X, p.Y - q.Y} }

// Scale returns f·p.
func (p Point) Scale(f float64) Point { return Point{f * p.X, f * p.Y} }

// Layout is where the centre wall stands (column of its middle) and where its door is (row of its middle).
type Layout struct{ WallX, DoorY int }

// fixedLayout is that of the fixed-wall variant of EB-JEPA.
func fixedLayout() Layout { return Layout{WallX: 32, DoorY: 18} }

// HeldOut reports whether the layout is kept out of training: (7·WallX + 3·DoorY) mod 10 = 0. Of the 1,125 random
// layouts 115 are.
func (l Layout) HeldOut() bool { return (7*l.WallX+3*l.DoorY)%10 == 0 }

// Valid reports whether the layout is one of the 1,125 that random layouts are drawn from.
func (l Layout) Valid() bool {
	return l.WallX >= MinWallX && l.WallX <= MaxWallX && l.DoorY >= MinDoorY && l.DoorY <= MaxDoorY
}

// left and right are the wall's faces, doorLow and doorHigh the door's edges.
func (l Layout) left() float64     { return float64(l.WallX - wallHalf) }
func (l Layout) right() float64    { return float64(l.WallX + wallHalf) }
func (l Layout) doorLow() float64  { return float64(l.DoorY - doorHalf) }
func (l Layout) doorHigh() float64 { return float64(l.DoorY + doorHalf) }

// inWall reports whether p lies in the solid part of the centre wall, faces included.
func (l Layout) inWall(p Point) bool {
	return p.X >= l.left() && p.X <= l.right() && !l.atDoor(p.Y)
}

// atDoor reports whether height y lies within the door, edges included.
func (l Layout) atDoor(y float64) bool { return y >= l.doorLow() && y <= l.doorHigh() }

// Legal reports whether a dot can be at p: strictly inside the border and not in the solid part of the centre wall.
func (l Layout) Legal(p Point) bool {
	inside := p.X > borderLow && p.X < borderHigh && p.Y > borderLow && p.Y < borderHigh
	return inside && !l.inWall(p)
}

// LayoutMode says from which layouts an episode or a walk draws its own. In text (flags, JSON, YAML) a mode is
// "random", "fixed", "train" or "heldout".
type LayoutMode int

// The layout modes. The zero value draws from all 1,125.
const (
	LayoutRandom  LayoutMode = iota // any of the 1,125
	LayoutFixed                     // one layout, 32/18 unless the config names another
	LayoutTrain                     // any that is not held out
	LayoutHeldOut                   // only those held out
)

var layoutModes = [...]string{"random", "fixed", "train", "heldout"}

// String returns the mode's name in text.
func (m LayoutMode) String() string {
	if m < 0 || int(m) >= len(layoutModes) {
		return fmt.Sprintf("LayoutMode(%d)", int(m))
	}
	return layoutModes[m]
}

// ParseLayoutMode returns the mode of that name, or an error that lists the names.
func ParseLayoutMode(name string) (LayoutMode, error) {
	for i, s := range layoutModes {
		if s == name {
			return LayoutMode(i), nil
		}
	}
	return 0, fmt.Errorf("tworooms: layout %q is not one of %v", name, layoutModes)
}

// MarshalText writes the mode's name.
func (m LayoutMode) MarshalText() ([]byte, error) {
	if m < 0 || int(m) >= len(layoutModes) {
		return nil, fmt.Errorf("tworooms: no layout mode %d", int(m))
	}
	return []byte(layoutModes[m]), nil
}

// UnmarshalText reads what MarshalText wrote.
func (m *LayoutMode) UnmarshalText(text []byte) (err error) {
	*m, err = ParseLayoutMode(string(text))
	return err
}

// draw returns a layout of the mode: one uniform draw for each of wall and door, repeated until the filter accepts.
// LayoutFixed draws nothing and returns fixed, whose zero value means 32/18.
func (m LayoutMode) draw(r *rand.Rand, fixed Layout) Layout {
	if m == LayoutFixed {
		if fixed == (Layout{}) {
			return fixedLayout()
		}
		return fixed
	}
	for {
		l := Layout{MinWallX + r.IntN(MaxWallX-MinWallX+1), MinDoorY + r.IntN(MaxDoorY-MinDoorY+1)}
		if m == LayoutRandom || l.HeldOut() == (m == LayoutHeldOut) {
			return l
		}
	}
}
