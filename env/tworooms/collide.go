package tworooms

import (
	"math"
	"math/rand/v2"
)

// moveTraining returns where a dot at p is after action a under the rule of the training data: at p + a, or at p
// when the move touches the border, crosses an edge of the door from within the wall's thickness, or enters, leaves
// or crosses the wall's columns other than through the door. There is no noise.
//
// Source: PLDM and EB-JEPA, the wall data set's transitions.
func moveTraining(l Layout, p, a Point) Point {
	q := p.Add(a)
	if touchesBorder(p, q) || crossesDoorEdge(l, p, q) || changesColumns(l, p, q) && !throughDoor(l, p, q) {
		return p
	}
	return q
}

func touchesBorder(p, q Point) bool {
	return opposite(p.X-borderLow, q.X-borderLow) || opposite(p.X-borderHigh, q.X-borderHigh) ||
		opposite(p.Y-borderLow, q.Y-borderLow) || opposite(p.Y-borderHigh, q.Y-borderHigh)
}

// opposite reports whether a and b have different signs or one of them is 0.
func opposite(a, b float64) bool { return !(a > 0 && b > 0 || a < 0 && b < 0) }

// crossesDoorEdge reports whether the move goes out of the door's height within the wall's columns.
func crossesDoorEdge(l Layout, p, q Point) bool {
	edge := l.doorHigh()
	if q.Y < p.Y {
		edge = l.doorLow()
		if !(p.Y > edge && q.Y < edge) {
			return false
		}
	} else if !(p.Y < edge && q.Y > edge) {
		return false
	}
	x := interceptX(p, q, edge)
	return x > l.left() && x < l.right()
}

// changesColumns reports whether one of p and q lies in the wall's columns and the other does not, or they lie on
// either side.
func changesColumns(l Layout, p, q Point) bool { return side(l, p.X) != side(l, q.X) }

// side returns -1 left of the wall's columns, 0 in them (faces included) and 1 right of them.
func side(l Layout, x float64) int {
	switch {
	case x < l.left():
		return -1
	case x > l.right():
		return 1
	}
	return 0
}

// throughDoor reports whether the move meets each face of the wall that it crosses at the door's height.
func throughDoor(l Layout, p, q Point) bool {
	for _, face := range [2]float64{l.left(), l.right()} {
		if (p.X-face)*(q.X-face) < 0 && !l.atDoor(interceptY(p, q, face)) {
			return false
		}
	}
	return true
}

// interceptX is where the line from p to q meets height y, interceptY where it meets column x. For a line parallel
// to what it should meet, both answer with p's own coordinate.
func interceptX(p, q Point, y float64) float64 {
	if q.Y == p.Y {
		return p.X
	}
	return p.X + (q.X-p.X)*(y-p.Y)/(q.Y-p.Y)
}

func interceptY(p, q Point, x float64) float64 {
	if q.X == p.X {
		return p.Y
	}
	return p.Y + (q.Y-p.Y)*(x-p.X)/(q.X-p.X)
}

const (
	hitNoise = 0.5 // standard deviation of the noise a hit adds to each coordinate
	hitInset = 0.3 // how far inside the room a hit is put that noise left on or over a wall
)

// moveEvaluation returns where a dot at p is after action a under the rule of the evaluation environment: at p + a,
// or, when a wall is hit first, at the point of the hit plus N(0, 0.5²) noise whose component across that wall points
// back into the room; then held inside the room.
//
// It draws two normal values from r at a hit and nothing otherwise.
//
// Source: PLDM and EB-JEPA, DotWall's step and wall intersection. Differs: a move parallel to an axis into a wall
// gives NaN there, the point of the hit here.
func moveEvaluation(l Layout, p, a Point, r *rand.Rand) Point {
	q := p.Add(a)
	if hit, ok := hitDoorEdge(l, p, q); ok {
		return away(hit, p, false, r)
	}
	left, right := borderLow, borderHigh
	if float64(l.WallX) > p.X {
		right = l.left()
	} else {
		left = l.right()
	}
	vHit, vertical := hitColumn(l, p, q, left, right)
	hHit, horizontal := hitRow(p, q)
	if !vertical && !horizontal {
		return q
	}
	hit := hHit
	if vertical && horizontal {
		vertical = distance(p, vHit) < distance(p, hHit)
	}
	if vertical {
		hit = vHit
	}
	n := away(hit, p, vertical, r)
	return Point{inset(n.X, left, right), inset(n.Y, borderLow, borderHigh)}
}

// hitDoorEdge returns where the move hits an edge of the door from inside the passage.
func hitDoorEdge(l Layout, p, q Point) (Point, bool) {
	edge := l.doorHigh()
	leaves := q.Y > edge && p.Y < edge
	if q.Y < p.Y {
		edge = l.doorLow()
		leaves = q.Y < edge && p.Y > edge
	}
	x := interceptX(p, q, edge)
	return Point{x, edge}, leaves && x >= l.left() && x <= l.right()
}

// hitColumn returns where the move hits the room's left or right plane; at the plane of the centre wall the door is
// open.
func hitColumn(l Layout, p, q Point, left, right float64) (Point, bool) {
	for _, x := range [2]float64{left, right} {
		if !opposite(p.X-x, q.X-x) {
			continue
		}
		y := interceptY(p, q, x)
		if border := x == borderLow || x == borderHigh; border || !l.atDoor(y) {
			return Point{x, y}, true
		}
	}
	return Point{}, false
}

// hitRow returns where the move hits the upper or lower border.
func hitRow(p, q Point) (Point, bool) {
	for _, y := range [2]float64{borderLow, borderHigh} {
		if opposite(p.Y-y, q.Y-y) {
			return Point{interceptX(p, q, y), y}, true
		}
	}
	return Point{}, false
}

// away returns hit plus noise; the component across the wall points to the side from which the dot came.
func away(hit, from Point, vertical bool, r *rand.Rand) Point {
	n := Point{hitNoise * r.NormFloat64(), hitNoise * r.NormFloat64()}
	if vertical {
		n.X = math.Copysign(n.X, from.X-hit.X)
	} else {
		n.Y = math.Copysign(n.Y, from.Y-hit.Y)
	}
	return hit.Add(n)
}

// inset returns v, or a value 0.3 inside the bound that v is on or beyond.
func inset(v, lo, hi float64) float64 {
	if v <= lo {
		return lo + hitInset
	}
	if v >= hi {
		return hi - hitInset
	}
	return v
}

func distance(p, q Point) float64 { return math.Hypot(p.X-q.X, p.Y-q.Y) }
