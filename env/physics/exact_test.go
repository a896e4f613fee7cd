package physics

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"testing"
)

const quadSeed = 7

// windows returns the multisets of k-frame windows of both pairs, by the frame they start at: exactly, since ids are
// given by comparing bytes.
func windows(q *Quadruplet, k int) (possible, impossible map[string]int) {
	ids := map[string]int{}
	possible, impossible = map[string]int{}, map[string]int{}
	for c, clip := range q.Clips() {
		for t := range Frames - k + 1 {
			name := fmt.Sprint(t)
			for u := t; u < t+k; u++ {
				frame := string(clip.Frame(u))
				id, ok := ids[frame]
				if !ok {
					id = len(ids)
					ids[frame] = id
				}
				name += fmt.Sprint(" ", id)
			}
			if c < 2 {
				possible[name]++
			} else {
				impossible[name]++
			}
		}
	}
	return possible, impossible
}

// Every window of up to h+1 frames is as frequent in the possible as in the impossible clips, frame by frame, clean
// and under every noise; windows of h+2 frames tell them apart.
func TestShortWindowsAreMatched(t *testing.T) {
	checked := 0
	for _, f := range Families() {
		for j := range 2 * (N7 + 1) {
			n := j % (N7 + 1)
			cfg := Config{Noise: n, Level: MaxLevel, Hidden: 4 * (1 + int(n)%4), Plain: j > N7}
			q := Quad(cfg, f, quadSeed, int(n))
			for _, k := range []int{1, 2, 3, q.Hidden, q.Hidden + 1} {
				p, i := windows(&q, k)
				if !maps.Equal(p, i) {
					t.Errorf("%v, N%d, hidden %d: windows of %d frames differ", f, n, q.Hidden, k)
				}
				checked++
			}
			if p, i := windows(&q, q.Hidden+2); maps.Equal(p, i) {
				t.Errorf("%v, N%d, hidden %d: windows of %d frames do not differ", f, n, q.Hidden, q.Hidden+2)
			}
		}
	}
	if checked != 2*10*8*5 {
		t.Errorf("%d sets checked, want %d", checked, 2*10*8*5)
	}
}

// All four clips are equal on the hidden run, which is as long as asked and no longer; the splits keep to it.
func TestHiddenRun(t *testing.T) {
	for f := Permanence; f <= Support; f++ {
		for h := 4; h <= 16; h += 4 {
			for s := Seen; s < splits; s++ {
				for i := range 2 {
					q := Quad(Config{Hidden: h, Split: s}, f, quadSeed, i)
					if want := min(h, f.MaxHidden()); q.Hidden < want || f != Support && q.Hidden != want {
						t.Errorf("%v split %d index %d: hidden run %d, want %d", f, s, i, q.Hidden, want)
					}
					for u := q.Splice - q.Hidden; u < q.Splice; u++ {
						for c, clip := range q.Clips() {
							if !bytes.Equal(clip.Frame(u), q.P1.Frame(u)) {
								t.Fatalf("%v: clip %d differs from P1 at hidden frame %d", f, c, u)
							}
						}
					}
					if bytes.Equal(q.P1.Frame(q.Splice), q.P2.Frame(q.Splice)) {
						t.Errorf("%v: frame %d after the cut shows nothing", f, q.Splice)
					}
				}
			}
		}
	}
}

// Continuity is hidden twice, the second run at least as long.
func TestContinuityIsHiddenTwice(t *testing.T) {
	for i := range 10 {
		q := Quad(Config{}, Continuity, quadSeed, i)
		for u := q.Again - q.Hidden; u < q.Again; u++ {
			if !bytes.Equal(q.P1.Frame(u), q.P2.Frame(u)) {
				t.Errorf("index %d: frame %d of the second run differs", i, u)
			}
		}
		if q.Again-q.Hidden <= q.Splice || !bytes.Equal(q.I1.Frame(Frames-8), q.P1.Frame(Frames-8)) && q.Again <= Frames-8 {
			t.Errorf("index %d: cut at %d and %d does not come back", i, q.Splice, q.Again)
		}
	}
}

// Golden bytes: on purpose a change of the generator must change this table, and every published figure with it.
func TestGolden(t *testing.T) {
	for _, c := range []struct {
		f    Family
		n    Noise
		i    int
		want string
	}{
		{Permanence, N0, 0, "9a053fbc8faa6d6f"}, {Continuity, N0, 1, "29d37560dc25bd9e"}, {Solidity, N1, 1, "2a2d0ecdc596b847"}, {InertiaDirection, N7, 0, "b407b633eabdf87e"},
		{Gravity, N4, 1, "8e04fe830fdbdc8e"}, {Collision, N2, 0, "a50edb52ccbb08bd"}, {Support, N5, 0, "0bb2c32c0d384b44"}, {VisibleColour, N3, 0, "123f2916e618f128"},
	} {
		q := Quad(Config{Noise: c.n}, c.f, 1, c.i)
		h := sha256.New()
		for _, clip := range q.Clips() {
			h.Write(clip.Pixels)
		}
		if got := hex.EncodeToString(h.Sum(nil)[:8]); got != c.want {
			t.Errorf("Quad(N%d, %v, 1, %d) = %s, want %s", c.n, c.f, c.i, got, c.want)
		}
	}
	clip := Train(Config{Noise: N6}, 1, 3)
	if got, want := fmt.Sprintf("%x", sha256.Sum256(clip.Pixels))[:16], "b4e3e4b1d0c659fe"; got != want {
		t.Errorf("Train(N6, 1, 3) = %s, want %s", got, want)
	}
}

// The same arguments give the same bytes, other ones others; training shares no clip with the quadruplets.
func TestPureAndDisjoint(t *testing.T) {
	seen := map[[32]byte]string{}
	add := func(name string, pixels []uint8) {
		h := sha256.Sum256(pixels)
		if old, ok := seen[h]; ok {
			t.Errorf("%s has the bytes of %s", name, old)
		}
		seen[h] = name
	}
	for i := range 40 {
		a, b := Train(Config{}, quadSeed, i), Train(Config{}, quadSeed, i)
		if !bytes.Equal(a.Pixels, b.Pixels) || !a.Possible || a.Onset != -1 {
			t.Fatalf("training clip %d is not one, or not the same twice", i)
		}
		add(fmt.Sprint("train ", i), a.Pixels)
	}
	for f := range families {
		q, again := Quad(Config{}, f, quadSeed, 3), Quad(Config{}, f, quadSeed, 3)
		for c, clip := range q.Clips() {
			if !bytes.Equal(clip.Pixels, again.Clips()[c].Pixels) {
				t.Errorf("%v: clip %d differs the second time", f, c)
			}
			if clip.Possible != (c < 2) || clip.Possible != (clip.Onset == -1) || clip.Family != f {
				t.Errorf("%v: clip %d says possible %v, onset %d, %v", f, c, clip.Possible, clip.Onset, clip.Family)
			}
			add(fmt.Sprint(f, " ", c), clip.Pixels)
		}
		if f.Tier() == 2 {
			for k, clip := range Benign(Config{}, f, quadSeed, 3) {
				if clip.Pixels != nil {
					add(fmt.Sprint("benign ", f, k), clip.Pixels)
				}
			}
		}
	}
	if len(seen) < 40+4*int(families)+2 {
		t.Errorf("%d clips compared", len(seen))
	}
}

func TestConfigValidate(t *testing.T) {
	if err := (Config{Hidden: 16, Noise: N7, Level: 4, Split: UnseenScreens}).Validate(); err != nil {
		t.Errorf("good config: %v", err)
	}
	for _, c := range []Config{{Hidden: 5}, {Noise: -1}, {Noise: 8}, {Level: 5}, {Split: 9}, {Plain: true, Split: UnseenColours}} {
		if c.Validate() == nil {
			t.Errorf("%+v passes", c)
		}
	}
}
