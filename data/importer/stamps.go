package importer

import (
	"bufio"
	"io"
	"math"
	"strconv"
	"strings"
)

// stamp is the clock of one frame.
type stamp struct {
	seconds float64 // NaN: none
	damage  int     // complaints so far
}

// stamps reads what ffmpeg's filter showinfo says of every frame, and passes the
// complaints among it on.
type stamps struct {
	out  chan stamp
	quit chan struct{} // closed: nobody waits any more
	done chan struct{} // closed: the reader has ended
}

func readStamps(from io.Reader, complaints io.Writer) *stamps {
	s := &stamps{out: make(chan stamp, 256), quit: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		defer close(s.out)
		damage := 0
		lines := bufio.NewReaderSize(from, 1<<16)
		for {
			line, err := lines.ReadString('\n')
			if seconds, ok := parseStamp(line); ok {
				select {
				case s.out <- stamp{seconds, damage}:
				case <-s.quit: // keep the pipe empty until the process has ended
				}
			} else if text, bad := complaint(line); bad {
				damage++
				io.WriteString(complaints, text)
			}
			if err != nil {
				return
			}
		}
	}()
	return s
}

// wait returns the clock of the next frame and how many complaints came before it.
func (s *stamps) wait() (seconds float64, damage int) {
	next, ok := <-s.out
	if !ok { // ffmpeg was killed between the two pipes
		return math.NaN(), 0
	}
	return next.seconds, next.damage
}

// stop returns when the process behind it has closed its pipe, or was killed.
func (s *stamps) stop() {
	close(s.quit)
	<-s.done
}

// parseStamp reads the clock from a line of showinfo, NaN for a frame without.
func parseStamp(line string) (seconds float64, ok bool) {
	if !strings.Contains(line, "showinfo") {
		return 0, false
	}
	_, rest, ok := strings.Cut(line, " pts_time:")
	if !ok {
		return 0, false
	}
	word, _, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	v, err := strconv.ParseFloat(strings.TrimSpace(word), 64)
	if err != nil || math.IsInf(v, 0) || math.Abs(v) > 1e9 {
		return math.NaN(), true
	}
	return v, true
}

// complaint returns what a line says if it is an error.
func complaint(line string) (text string, ok bool) {
	for _, level := range []string{"[error] ", "[fatal] ", "[panic] "} {
		if _, text, ok := strings.Cut(line, level); ok && strings.TrimSpace(text) != "" {
			return text, true
		}
	}
	return "", false
}
