package report

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"image"
	"image/png"
	"io"
	"math"
	"net/url"
	"strings"
)

//go:embed page.css
var pageCSS string

// Page is a self-contained HTML report: what a command found, for people to look at.
//
// The methods append to the last section, or to an untitled one. Text is escaped. Not for
// concurrent use. WriteTo may be called repeatedly.
type Page struct {
	Title    string
	Lead     string // one or two sentences under the title
	Document Document
	sections []section
}

type section struct {
	Title  string
	Blocks []template.HTML
}

// NewPage starts a page about a document. The document's command, version, seed and machine go to
// the page's foot; its rows appear where Rows puts them.
func NewPage(title, lead string, d Document) *Page {
	return &Page{Title: title, Lead: lead, Document: d}
}

// Section starts a new section.
func (p *Page) Section(title string) { p.sections = append(p.sections, section{Title: title}) }

func (p *Page) add(h string) {
	if len(p.sections) == 0 {
		p.Section("")
	}
	s := &p.sections[len(p.sections)-1]
	s.Blocks = append(s.Blocks, template.HTML(h))
}

// Text adds a paragraph.
func (p *Page) Text(format string, args ...any) {
	p.add("<p>" + html.EscapeString(fmt.Sprintf(format, args...)) + "</p>")
}

// Code adds preformatted text, such as a configuration or a command.
func (p *Page) Code(text string) { p.add("<pre>" + html.EscapeString(text) + "</pre>") }

// Headline adds large figures, one tile for each named row of the document, its interval and its
// floors and oracle beneath it; names the document does not have are left out.
func (p *Page) Headline(names ...string) {
	var b strings.Builder
	b.WriteString(`<div class="tiles">`)
	for _, name := range names {
		r, ok := p.Document.Find(name)
		if !ok {
			continue
		}
		fmt.Fprintf(&b, `<div class="tile"><b>%s</b><span>%s</span><small>%s</small></div>`,
			html.EscapeString(formatValue(r)), html.EscapeString(r.Name), html.EscapeString(p.beside(r)))
	}
	p.add(b.String() + "</div>")
}

// beside says what must stand next to a score: interval, trials, floors and oracle.
func (p *Page) beside(r Row) string {
	var parts []string
	if iv := formatInterval(r); iv != "" {
		parts = append(parts, iv)
	}
	if r.N > 0 {
		parts = append(parts, fmt.Sprintf("n = %d", r.N))
	}
	for _, o := range p.Document.references(r) {
		_, last, _ := cutLast(o.Name)
		parts = append(parts, last+" "+formatValue(o))
	}
	return strings.Join(parts, " · ")
}

// references returns the floors and oracles of a row's group, or of the nearest group above it that
// has any.
func (d *Document) references(r Row) (refs []Row) {
	for group, ok := r.group(), true; ok && len(refs) == 0; group, _, ok = cutLast(group) {
		for _, o := range d.Rows {
			if o.reference() && o.group() == group && o.Unit == r.Unit && o.Name != r.Name {
				refs = append(refs, o)
			}
		}
	}
	return refs
}

// Rows adds a table of the document's rows whose names begin with one of the prefixes (all rows
// without any), a bar and its interval for ratios, floors and oracles set off from scores.
func (p *Page) Rows(prefixes ...string) {
	var rows []Row
	for _, r := range p.Document.Rows {
		if matches(r.Name, prefixes) {
			rows = append(rows, r)
		}
	}
	var b strings.Builder
	b.WriteString(`<div class="scroll"><table><thead><tr><th>figure</th><th class="r">value</th><th></th><th class="r">95 % interval</th><th class="r">n</th><th>note</th></tr></thead>`)
	for _, g := range groupRows(rows) {
		b.WriteString("<tbody>")
		for _, r := range g.rows {
			class := ""
			if r.reference() {
				class = ` class="ref"`
			}
			fmt.Fprintf(&b, `<tr%s><td class="name">%s</td><td class="r">%s</td><td>%s</td><td class="r">%s</td><td class="r">%s</td><td class="note">%s</td></tr>`,
				class, html.EscapeString(r.Name), html.EscapeString(formatValue(r)), bar(r),
				html.EscapeString(formatInterval(r)), formatN(r.N), html.EscapeString(r.Note))
		}
		b.WriteString("</tbody>")
	}
	p.add(b.String() + "</table></div>")
}

func matches(name string, prefixes []string) bool {
	for _, x := range prefixes {
		if strings.HasPrefix(name, x) {
			return true
		}
	}
	return len(prefixes) == 0
}

// bar draws a ratio and its interval; other units and values outside [0, 1] have none.
func bar(r Row) string {
	if r.Unit != "ratio" || !(r.Value >= 0 && r.Value <= 1) {
		return ""
	}
	whisker := ""
	if r.Lo != nil && r.Hi != nil {
		whisker = fmt.Sprintf(`<line x1="%[1]s" x2="%[2]s" y1="7" y2="7"/><line x1="%[1]s" x2="%[1]s" y1="4" y2="10"/><line x1="%[2]s" x2="%[2]s" y1="4" y2="10"/>`,
			num(120**r.Lo), num(120**r.Hi))
	}
	return fmt.Sprintf(`<svg class="bar" viewBox="0 0 120 14" width="120" height="14"><rect class="bg" width="120" height="14" rx="3"/><rect class="fg" width="%s" height="14" rx="3"/>%s</svg>`,
		num(120*r.Value), whisker)
}

// Table adds a table with its title and note.
func (p *Page) Table(t Table) {
	t.check()
	var b strings.Builder
	b.WriteString(`<figure class="chart"><figcaption>` + html.EscapeString(t.Title) + `</figcaption><div class="scroll"><table><thead><tr>`)
	cell := func(tag string, i int, text string) {
		class := ""
		if i > 0 {
			class = ` class="r"`
		}
		b.WriteString("<" + tag + class + ">" + html.EscapeString(text) + "</" + tag + ">")
	}
	for i, text := range t.Head {
		cell("th", i, text)
	}
	b.WriteString("</tr></thead><tbody>")
	for _, row := range t.Rows {
		b.WriteString("<tr>")
		for i, text := range row {
			cell("td", i, text)
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table></div>")
	if t.Note != "" {
		b.WriteString("<p>" + html.EscapeString(t.Note) + "</p>")
	}
	p.add(b.String() + "</figure>")
}

// Chart adds a line chart with its title and legend.
func (p *Page) Chart(c Chart) {
	p.add(`<figure class="chart"><figcaption>` + html.EscapeString(c.Title) + `</figcaption>` + c.SVG() +
		`<div class="legend">` + c.legend() + `</div></figure>`)
}

// Frame is one picture of a strip. Highlight draws a coloured border around it.
type Frame struct {
	Image     image.Image
	Label     string
	Highlight bool
}

// Strip adds pictures side by side, each magnified without smoothing to about height CSS pixels
// (0 means 130), inlined as PNG. It returns an error if a picture cannot be encoded.
func (p *Page) Strip(caption string, height int, frames ...Frame) error {
	if height <= 0 {
		height = 130
	}
	var b strings.Builder
	b.WriteString(`<figure class="strip"><div>`)
	for _, f := range frames {
		uri, err := pngURI(f.Image)
		if err != nil {
			return fmt.Errorf("report: strip %q: %w", caption, err)
		}
		class := ""
		if f.Highlight {
			class = ` class="hot"`
		}
		fmt.Fprintf(&b, `<span%s><img style="height:%dpx" alt="%[3]s" src="%s"><small>%[3]s</small></span>`,
			class, height, html.EscapeString(f.Label), uri)
	}
	b.WriteString(`</div><figcaption>` + html.EscapeString(caption) + `</figcaption></figure>`)
	p.add(b.String())
	return nil
}

// Linked adds a picture that lies beside the page, such as an animation too large
// to be inlined, and links to files. Paths are slash-separated and relative to the
// page's folder: the page must move together with them.
func (p *Page) Linked(caption, picture string, files ...string) {
	var b strings.Builder
	fmt.Fprintf(&b, `<figure class="linked"><img loading="lazy" alt="%[1]s" src="%[2]s"><figcaption>%[1]s`, html.EscapeString(caption), relativeURL(picture))
	for _, f := range files {
		_, name, _ := cutLast(f)
		fmt.Fprintf(&b, ` <a href="%s">%s</a>`, relativeURL(f), html.EscapeString(name))
	}
	p.add(b.String() + `</figcaption></figure>`)
}

// relativeURL is a relative path as an attribute: never another scheme or host.
func relativeURL(path string) string {
	return html.EscapeString((&url.URL{Path: "./" + path}).String())
}

func pngURI(m image.Image) (string, error) {
	var b bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&b, m); err != nil {
		return "", err
	}
	return "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// GrayImage shows one channel of a frame [H, W, C] as a picture; values are copied.
// It panics if the frame has not H·W·C values or no such channel.
func GrayImage(pixels []uint8, h, w, c, channel int) *image.Gray {
	if len(pixels) != h*w*c || channel < 0 || channel >= c {
		panic(fmt.Sprintf("report: frame of %d values as [%d, %d, %d], channel %d", len(pixels), h, w, c, channel))
	}
	m := image.NewGray(image.Rect(0, 0, w, h))
	for i := range h * w {
		m.Pix[i] = pixels[i*c+channel]
	}
	return m
}

// FrameImage shows a frame [H, W, C] of 1 (gray), 2 (channel 0 orange over channel 1 slate on
// white) or 3 and more channels (red, green, blue); values are copied.
// It panics if the frame has not H·W·C values.
func FrameImage(pixels []uint8, h, w, c int) image.Image {
	if c == 1 {
		return GrayImage(pixels, h, w, c, 0)
	}
	if len(pixels) != h*w*c || c < 1 {
		panic(fmt.Sprintf("report: frame of %d values as [%d, %d, %d]", len(pixels), h, w, c))
	}
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range h * w {
		p, q := pixels[i*c:(i+1)*c], m.Pix[4*i:4*i+4]
		q[3] = 255
		if c >= 3 {
			copy(q, p[:3])
			continue
		}
		dot, wall := float64(p[0])/255, float64(p[1])/255
		for k, ink := range [3][2]float64{{217, 74}, {72, 85}, {15, 104}} {
			v := 255*(1-wall) + ink[1]*wall
			q[k] = uint8(math.Round(v*(1-dot) + ink[0]*dot))
		}
	}
	return m
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title><style>{{.CSS}}</style></head><body><main>
<header><h1>{{.Title}}</h1>{{if .Lead}}<p class="lead">{{.Lead}}</p>{{end}}</header>
{{range .Sections}}<section>{{if .Title}}<h2>{{.Title}}</h2>{{end}}
{{range .Blocks}}{{.}}
{{end}}</section>
{{end}}<footer><dl>{{range .Facts}}<div><dt>{{.Name}}</dt><dd>{{.Value}}</dd></div>{{end}}</dl></footer>
</main></body></html>
`))

type fact struct{ Name, Value string }

// WriteTo writes the page as one HTML file that refers to nothing outside itself but what Linked
// added.
func (p *Page) WriteTo(w io.Writer) (int64, error) {
	d := p.Document
	facts := []fact{{"command", d.Command}, {"version", d.Version}, {"seed", fmt.Sprint(d.Seed)},
		{"machine", fmt.Sprintf("%s, %d cores", d.Machine.CPU, d.Machine.Cores)}}
	if d.Machine.SgemmGFLOPS > 0 {
		facts = append(facts, fact{"sgemm", fmt.Sprintf("%.1f GFLOP/s", d.Machine.SgemmGFLOPS)})
	}
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, struct {
		Title, Lead string
		CSS         template.CSS
		Sections    []section
		Facts       []fact
	}{p.Title, p.Lead, template.CSS(pageCSS), p.sections, facts})
	if err != nil {
		return 0, fmt.Errorf("report: page: %w", err)
	}
	return b.WriteTo(w)
}

// WriteFile writes the page to path, by a temporary file and a rename.
func (p *Page) WriteFile(path string) error {
	var b bytes.Buffer
	if _, err := p.WriteTo(&b); err != nil {
		return err
	}
	return ReplaceFile(path, b.Bytes())
}
