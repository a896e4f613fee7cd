package tworooms_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"foresee/env/tworooms"
)

// naiveFrame draws a frame pixel by pixel from the formulas. unsure marks grey levels within rounding of an integer.
func naiveFrame(size int, l tworooms.Layout, p tworooms.Point) (frame []uint8, unsure []bool) {
	stride := 64 / (size - 1)
	for y := 0; y <= 64; y += stride {
		for x := 0; x <= 64; x += stride {
			dx, dy := float64(x)-p.X, float64(y)-p.Y
			level := 255 * math.Exp(-(dx*dx+dy*dy)/(2*1.3*1.3))
			wall := uint8(0)
			if x >= l.WallX-1 && x <= l.WallX+1 && !(y >= l.DoorY-4 && y <= l.DoorY+4) {
				wall = 255
			}
			if x == 4 || x == 60 || y == 4 || y == 60 {
				wall = 255
			}
			frame = append(frame, uint8(level), wall)
			unsure = append(unsure, math.Abs(level-math.Round(level)) < 1e-9, false)
		}
	}
	return frame, unsure
}

func TestRenderMatchesFormula(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	points := []tworooms.Point{{}, {X: 64, Y: 64}, {X: 32, Y: 18}, {X: -3, Y: 30}, {X: 70, Y: 4}, {X: 4.33, Y: 59.67}}
	for range 300 {
		points = append(points, tworooms.Point{X: r.Float64()*72 - 4, Y: r.Float64()*72 - 4})
	}
	dots := 0
	for _, size := range []int{65, 33} {
		for _, p := range points {
			l := tworooms.Layout{WallX: 20 + r.IntN(25), DoorY: 10 + r.IntN(45)}
			got := bytes.Repeat([]byte{77}, size*size*2)
			tworooms.Render(got, size, l, p)
			want, unsure := naiveFrame(size, l, p)
			for i := range want {
				if got[i] != want[i] && !(unsure[i] && i%2 == 0) {
					t.Fatalf("size %d, %+v, dot %+v: byte %d = %d, want %d", size, l, p, i, got[i], want[i])
				}
				if i%2 == 0 && got[i] > 0 {
					dots++
				}
			}
		}
	}
	if dots < 15000 {
		t.Errorf("%d dot pixels seen, the twin compared next to nothing", dots)
	}
}

func TestRenderPinnedPixels(t *testing.T) {
	frame := make([]uint8, 65*65*2)
	tworooms.Render(frame, 65, tworooms.Layout{WallX: 32, DoorY: 18}, tworooms.Point{X: 10, Y: 20})
	at := func(x, y, c int) uint8 { return frame[(y*65+x)*2+c] }
	for _, c := range []struct {
		x, y, channel int
		want          uint8
	}{
		// trunc(255·exp(-d²/3.38)) at d² = 0, 1, 2, 16, 18, 20
		{10, 20, 0, 255}, {11, 20, 0, 189}, {11, 21, 0, 141}, {10, 24, 0, 2}, {13, 23, 0, 1}, {14, 22, 0, 0},
		{31, 13, 1, 255}, {31, 14, 1, 0}, {33, 22, 1, 0}, {33, 23, 1, 255}, {30, 40, 1, 0}, {34, 40, 1, 0},
		{4, 0, 1, 255}, {60, 64, 1, 255}, {0, 4, 1, 255}, {64, 60, 1, 255}, {32, 0, 1, 255}, {5, 5, 1, 0},
	} {
		if got := at(c.x, c.y, c.channel); got != c.want {
			t.Errorf("pixel (%d, %d) channel %d = %d, want %d", c.x, c.y, c.channel, got, c.want)
		}
	}
	walls := 0
	for i := 1; i < len(frame); i += 2 {
		walls += int(frame[i]) / 255
	}
	if walls != 256+162 { // border 4·65-4, wall 3·(65-9-2)
		t.Errorf("%d wall pixels, want 418", walls)
	}
}

func TestRenderTellsLayoutsApart(t *testing.T) {
	for _, size := range []int{65, 33} {
		seen := map[string]tworooms.Layout{}
		for wall := 20; wall <= 44; wall++ {
			for door := 10; door <= 54; door++ {
				l := tworooms.Layout{WallX: wall, DoorY: door}
				frame := make([]uint8, size*size*2)
				tworooms.Render(frame, size, l, tworooms.Point{X: 10, Y: 10})
				if other, ok := seen[string(frame)]; ok {
					t.Errorf("size %d: %+v looks like %+v", size, l, other)
				}
				seen[string(frame)] = l
			}
		}
		if len(seen) != 1125 {
			t.Errorf("size %d: %d frames, want 1125", size, len(seen))
		}
	}
}

func TestRenderRefusesWrongShapes(t *testing.T) {
	for _, c := range []struct{ size, bytes int }{{64, 64 * 64 * 2}, {65, 65 * 65}, {33, 65 * 65 * 2}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Render of size %d into %d bytes did not panic", c.size, c.bytes)
				}
			}()
			tworooms.Render(make([]uint8, c.bytes), c.size, tworooms.Layout{WallX: 32, DoorY: 18}, tworooms.Point{})
		}()
	}
}

func BenchmarkWalkFrames(b *testing.B) {
	for _, size := range []int{65, 33} {
		b.Run(map[int]string{65: "65", 33: "33"}[size], func(b *testing.B) {
			b.ReportAllocs()
			frames := 0
			for i := 0; b.Loop(); i++ {
				w := tworooms.Walks(tworooms.WalkConfig{}, 1, i)
				w.Render(size)
				frames += len(w.Points)
			}
			b.ReportMetric(float64(frames)/b.Elapsed().Seconds(), "frames/s")
		})
	}
}
