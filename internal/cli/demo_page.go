package cli

import (
	"fmt"

	"foresee/eval"
	"foresee/report"
	"foresee/train"
)

// demoPage builds the demo's report.
func demoPage(c *demoCmd, r demoResult, log string, doc report.Document) *report.Page {
	lead := "Learnt from raw pixels and actions on this machine's CPU: no position, wall, door or reward entered training or planning."
	if c.Quick {
		lead += " This is the quick run: fewer and smaller frames, lower figures."
	}
	p := report.NewPage("foresee learns Two Rooms", lead, doc)
	p.Headline("plan/tworooms/success", "plan/tworooms/heldout/success", "surprise/teleport/auroc", "probe/tworooms/position_rmse")
	p.Section("It plans")
	p.Text("The dot has to reach a goal in the other room. Wall and door are new in every episode; these were kept out of training. Going straight and bouncing off the wall is the greedy floor.")
	showEpisode(p, r.shown)
	p.Rows("plan/")
	p.Section("It is surprised")
	p.Text("Two clips that are the same until frame %d, where in one of them the dot is suddenly elsewhere. Surprise is the squared error of the predicted latent.", r.teleport.At)
	showTeleport(p, r.teleport)
	p.Rows("surprise/")
	p.Section("What its latents know")
	p.Text("Read off the frozen latents by linear probes that the model never sees. The static code should know wall and door and nothing of the dot.")
	p.Rows("probe/")
	p.Section("How it learnt")
	if entries, err := train.ReadLog(log); err == nil {
		for _, chart := range train.LossCharts(entries) {
			p.Chart(chart)
		}
	} else {
		p.Text("The training log could not be read: %v", err)
	}
	p.Section("Time")
	p.Rows("demo/")
	return p
}

// showEpisode adds about ten frames of an episode and the goal.
func showEpisode(p *report.Page, s eval.Shown) {
	var frames []report.Frame
	const shown = 10
	for k := range shown {
		t := k * (len(s.Frames) - 1) / (shown - 1)
		frames = append(frames, report.Frame{Image: report.FrameImage(s.Frames[t], s.Size, s.Size, 2), Label: fmt.Sprintf("t = %d", t)})
	}
	frames = append(frames, report.Frame{Image: report.FrameImage(s.Goal, s.Size, s.Size, 2), Label: "goal", Highlight: true})
	if err := p.Strip(fmt.Sprintf("one episode, %.1f px from the goal after %d steps", s.Distance, len(s.Frames)-1), 0, frames...); err != nil {
		p.Text("The frames could not be drawn: %v", err)
	}
}

// showTeleport adds the frames around a teleport and the surprise of both clips.
func showTeleport(p *report.Page, e eval.TeleportExample) {
	px := e.Height * e.Width * 2
	var frames []report.Frame
	for t := max(0, e.At-3); t <= e.At+2 && (t+1)*px <= len(e.Frames); t++ {
		frames = append(frames, report.Frame{Image: report.FrameImage(e.Frames[t*px:(t+1)*px], e.Height, e.Width, 2), Label: fmt.Sprintf("t = %d", t), Highlight: t == e.At})
	}
	if err := p.Strip("the frames around the teleport", 0, frames...); err != nil {
		p.Text("The frames could not be drawn: %v", err)
	}
	x := make([]float64, len(e.Jump))
	for i := range x {
		x[i] = float64(e.First + i)
	}
	p.Chart(report.Chart{
		Title: "Surprise", XLabel: "frame", YLabel: "squared error of the predicted latent", YZero: true,
		Series: []report.Series{{Name: "with a teleport", X: x, Y: e.Jump}, {Name: "the same walk without", X: x, Y: e.Twin}},
		Marks:  []report.Mark{{X: float64(e.At), Label: "teleport"}},
	})
}
