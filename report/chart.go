package report

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Series is one line of a chart: Y over X, of equal length. A point that is not finite (or not
// positive on a logarithmic axis) breaks the line. Reference series are drawn dashed and grey; Dots
// marks each point. Colour is a place in the palette, from 1, so that a thing keeps its colour from chart
// to chart; 0 takes the next.
type Series struct {
	Name      string
	X, Y      []float64
	Reference bool
	Dots      bool
	Colour    int
}

// Mark is a vertical line at X with a label, such as the frame of a teleport.
type Mark struct {
	X     float64
	Label string
}

// Chart is a line chart. Zero fields mean no label, linear axes and bounds taken from the data;
// YZero makes the linear axis start at 0.
type Chart struct {
	Title, XLabel, YLabel string
	Series                []Series
	Marks                 []Mark
	LogX, LogY, YZero     bool
}

const (
	chartW, chartH                     = 720.0, 300.0
	marginL, marginR, marginT, marginB = 62.0, 18.0, 14.0, 44.0
	maxChartPoints                     = 1200
)

var palette = [...]string{"#1f6feb", "#d9480f", "#2b8a3e", "#9c36b5", "#0b7285", "#c2255c"}

// SVG draws the chart as an SVG element of 720 x 300 units that scales to its container.
// It panics if a series has X and Y of different length.
func (c Chart) SVG() string {
	a := c.axes()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %g %g" role="img" aria-label="%s" xmlns="http://www.w3.org/2000/svg">`,
		chartW, chartH, html.EscapeString(c.Title))
	c.drawGrid(&b, a)
	for _, m := range c.Marks {
		if x := a.scaleX(m.X); bad(x) || x < a.x0 || x > a.x1 {
			continue
		}
		fmt.Fprintf(&b, `<line class="mark" x1="%[1]s" x2="%[1]s" y1="%[2]s" y2="%[3]s"/><text class="mark" x="%[1]s" y="%[4]s" dx="4">%[5]s</text>`,
			num(a.px(a.scaleX(m.X))), num(marginT), num(chartH-marginB), num(marginT+10), html.EscapeString(m.Label))
	}
	strokes := c.strokes()
	for i, s := range c.Series {
		if len(s.X) != len(s.Y) {
			panic(fmt.Sprintf("report: series %q has %d x and %d y", s.Name, len(s.X), len(s.Y)))
		}
		stroke, dash := strokes[i], ""
		if s.Reference {
			dash = ` stroke-dasharray="5 4"`
		}
		fmt.Fprintf(&b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.8" stroke-linejoin="round"%s><title>%s</title></path>`,
			a.path(s), stroke, dash, html.EscapeString(s.Name))
		if s.Dots {
			a.dots(&b, s, stroke)
		}
	}
	b.WriteString("</svg>")
	return b.String()
}

// strokes are the series' colours.
func (c Chart) strokes() []string {
	out := make([]string, len(c.Series))
	next := 0
	for i, s := range c.Series {
		switch {
		case s.Reference:
			out[i] = "#868e96"
		case s.Colour > 0:
			out[i] = palette[(s.Colour-1)%len(palette)]
		default:
			out[i] = palette[next%len(palette)]
			next++
		}
	}
	return out
}

// legend lists names with the colours SVG gives them.
func (c Chart) legend() string {
	var b strings.Builder
	strokes := c.strokes()
	for i, s := range c.Series {
		if s.Name != "" {
			fmt.Fprintf(&b, `<span class="key"><i style="background:%s"></i>%s</span>`, strokes[i], html.EscapeString(s.Name))
		}
	}
	return b.String()
}

type axes struct {
	x0, x1, y0, y1 float64 // in log10 where log
	logX, logY     bool
}

func (c Chart) axes() axes {
	a := axes{x0: math.Inf(1), x1: math.Inf(-1), y0: math.Inf(1), y1: math.Inf(-1), logX: c.LogX, logY: c.LogY}
	for _, s := range c.Series {
		for i := range min(len(s.X), len(s.Y)) {
			x, y := a.scaleX(s.X[i]), a.scaleY(s.Y[i])
			if bad(x) || bad(y) {
				continue
			}
			a.x0, a.x1 = min(a.x0, x), max(a.x1, x)
			a.y0, a.y1 = min(a.y0, y), max(a.y1, y)
		}
	}
	if a.x0 > a.x1 {
		a.x0, a.x1, a.y0, a.y1 = 0, 1, 0, 1
	}
	if c.YZero && !c.LogY {
		a.y0, a.y1 = min(a.y0, 0), max(a.y1, 0)
	}
	if a.x0 == a.x1 {
		a.x1++
	}
	if a.y0 == a.y1 {
		a.y0, a.y1 = a.y0-0.5, a.y1+0.5
	} else {
		room := 0.05 * (a.y1 - a.y0)
		a.y1 += room
		if !c.YZero || a.y0 != 0 {
			a.y0 -= room
		}
	}
	return a
}

func bad(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

func (a axes) scaleX(x float64) float64 { return scale(x, a.logX) }
func (a axes) scaleY(y float64) float64 { return scale(y, a.logY) }

// scale is log10 of what is positive, on a logarithmic axis.
func scale(v float64, log bool) float64 {
	switch {
	case !log:
		return v
	case v <= 0:
		return math.NaN()
	}
	return math.Log10(v)
}

func (a axes) px(scaled float64) float64 {
	return marginL + (scaled-a.x0)/(a.x1-a.x0)*(chartW-marginL-marginR)
}

func (a axes) py(scaled float64) float64 {
	return chartH - marginB - (scaled-a.y0)/(a.y1-a.y0)*(chartH-marginT-marginB)
}

// path draws long series by the lowest and highest point of each bucket, so that peaks stay.
func (a axes) path(s Series) string {
	var b strings.Builder
	pen := false
	put := func(i int) {
		x, y := a.scaleX(s.X[i]), a.scaleY(s.Y[i])
		if bad(x) || bad(y) {
			pen = false
			return
		}
		cmd := byte('M')
		if pen {
			cmd = 'L'
		}
		pen = true
		b.WriteByte(cmd)
		b.WriteString(num(a.px(x)) + " " + num(a.py(y)))
	}
	n := len(s.X)
	if n <= maxChartPoints {
		for i := range n {
			put(i)
		}
		return b.String()
	}
	buckets := maxChartPoints / 2
	for k := range buckets {
		from, to := k*n/buckets, (k+1)*n/buckets
		lo, hi, hole := from, from, -1
		for i := from; i < to; i++ {
			switch {
			case bad(s.Y[i]):
				hole = i
			case bad(s.Y[lo]) || s.Y[i] < s.Y[lo]:
				lo = i
			}
			if !bad(s.Y[i]) && (bad(s.Y[hi]) || s.Y[i] > s.Y[hi]) {
				hi = i
			}
		}
		put(min(lo, hi))
		if hi != lo {
			put(max(lo, hi))
		}
		if hole >= 0 {
			put(hole)
		}
	}
	return b.String()
}

// dots marks the points of a series.
func (a axes) dots(b *strings.Builder, s Series, fill string) {
	for i := range s.X {
		if x, y := a.scaleX(s.X[i]), a.scaleY(s.Y[i]); !bad(x) && !bad(y) {
			fmt.Fprintf(b, `<circle cx="%s" cy="%s" r="3" fill="%s"/>`, num(a.px(x)), num(a.py(y)), fill)
		}
	}
}

// axisTicks returns about n ticks of an axis, scaled, and what labels them: whole powers of ten on a logarithmic axis
// that spans some.
func axisTicks(lo, hi float64, n int, log bool) (at []float64, label func(float64) string) {
	if !log {
		return ticks(lo, hi, n), tickLabel
	}
	label = func(v float64) string { // two digits are enough between powers of ten
		u := math.Pow(10, math.Floor(v+1e-9)-1)
		return tickLabel(math.Round(math.Pow(10, v)/u) * u)
	}
	if first, last := math.Ceil(lo), math.Floor(hi); last-first >= 1 {
		for v := first; v <= last; v++ {
			at = append(at, v)
		}
		return at, label
	}
	return ticks(lo, hi, n), label
}

func (c Chart) drawGrid(b *strings.Builder, a axes) {
	xt, label := axisTicks(a.x0, a.x1, 7, c.LogX)
	for _, t := range xt {
		fmt.Fprintf(b, `<line class="grid" x1="%[1]s" x2="%[1]s" y1="%[2]s" y2="%[3]s"/><text x="%[1]s" y="%[4]s" text-anchor="middle">%[5]s</text>`,
			num(a.px(t)), num(marginT), num(chartH-marginB), num(chartH-marginB+15), label(t))
	}
	yt, label := axisTicks(a.y0, a.y1, 5, c.LogY)
	for _, t := range yt {
		fmt.Fprintf(b, `<line class="grid" x1="%s" x2="%s" y1="%[3]s" y2="%[3]s"/><text x="%[4]s" y="%[3]s" dy="4" text-anchor="end">%[5]s</text>`,
			num(marginL), num(chartW-marginR), num(a.py(t)), num(marginL-7), label(t))
	}
	fmt.Fprintf(b, `<line class="axis" x1="%[1]s" x2="%[2]s" y1="%[3]s" y2="%[3]s"/>`, num(marginL), num(chartW-marginR), num(chartH-marginB))
	if c.XLabel != "" {
		fmt.Fprintf(b, `<text class="label" x="%s" y="%s" text-anchor="middle">%s</text>`,
			num((marginL+chartW-marginR)/2), num(chartH-8), html.EscapeString(c.XLabel))
	}
	if c.YLabel != "" {
		y := num((marginT + chartH - marginB) / 2)
		fmt.Fprintf(b, `<text class="label" transform="rotate(-90 14 %[1]s)" x="14" y="%[1]s" text-anchor="middle">%[2]s</text>`, y, html.EscapeString(c.YLabel))
	}
}

// ticks returns about n round values in [lo, hi], steps of 1, 2 or 5 times a power of ten.
func ticks(lo, hi float64, n int) []float64 {
	raw := (hi - lo) / float64(n)
	mag := math.Pow(10, math.Floor(math.Log10(raw)))
	step := mag
	for _, m := range []float64{1, 2, 5, 10} {
		if step = m * mag; step >= raw {
			break
		}
	}
	var out []float64
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi*(1+1e-12)+step*1e-9 && len(out) < 100; k++ {
		out = append(out, k*step)
	}
	return out
}

func tickLabel(v float64) string {
	if a := math.Abs(v); a < 1e-12 {
		return "0"
	} else if a >= 1e6 || a < 1e-3 {
		return strconv.FormatFloat(v, 'e', 0, 64)
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

func num(v float64) string { return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) }
