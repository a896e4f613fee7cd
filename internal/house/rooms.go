package house

import (
	"path"
	"strings"
)

// Module is the import path of this repository; every import below it is ours.
const Module = "foresee"

// Engine says who in a room may import the engine, that is, any package below
// EnginePrefix.
type Engine int

// The three answers of the table's engine column.
const (
	EngineNo       Engine = iota // no file of the room
	EngineYes                    // every file of the room
	EngineAdapters               // only files named adapter*.go or *_adapter.go, and tests, which need a model
)

// EnginePrefix is the import path under which GoMLX and its backend interface live.
const EnginePrefix = "github.com/gomlx/"

// Room is one line of the table: a folder with its sub-folders.
type Room struct {
	Path   string // folder, slash-separated, relative to the module's root
	Row    int    // a room may import rooms of lower rows only
	Engine Engine // who in it may import the engine
}

// Rooms returns the table of packages, lowest row first. It is the law, not a
// description: when an import breaks it, move the code, do not edit the table.
//
// A package is placed in the room with the longest matching path. Within a
// room, a sub-package may import the packages above it, never the reverse, and
// never its sister. One thing is exempt: a room's own internal/ folder belongs
// to the room. Packages below internal/ are the room's own rooms' walls (kernels
// behind backend/cpu, for instance): the room must be able to import what it
// hides there, and Go itself keeps everybody else out.
func Rooms() []Room {
	return []Room{
		{"backend/cpu", 0, EngineYes},
		{"env", 0, EngineNo},
		{"data", 0, EngineNo},
		{"report", 0, EngineNo},
		{"internal/house", 0, EngineNo},
		{"nn/gradcheck", 0, EngineYes}, // test support of every room that builds graphs; imports nothing of foresee
		{"nn", 1, EngineYes},
		{"loss", 1, EngineYes},
		{"jepa", 2, EngineYes},
		{"plan", 2, EngineNo},
		{"guard", 2, EngineNo},
		{"memory", 2, EngineNo},
		{"surprise", 2, EngineNo},
		{"probe", 3, EngineYes},
		{"train", 4, EngineYes},
		{"agent", 4, EngineAdapters},
		{"watch", 4, EngineAdapters},
		{"eval", 5, EngineAdapters},
		{"internal/server", 6, EngineNo},
		{"internal/web", 6, EngineNo},
		{"internal/bench", 6, EngineNo},
		{"rpc", 6, EngineNo},
		{"internal/cli", 7, EngineNo},
		{"cmd/foresee", 8, EngineNo},
	}
}

// LearnsBlind lists the rooms that learn and plan from frames and actions alone.
// Outside tests they import no world (a package below env/), whose rules and
// true positions they could peek at.
func LearnsBlind() []string {
	return []string{"nn", "loss", "jepa", "plan", "memory", "surprise", "train", "watch"}
}

// ReadsPrivileged lists the rooms that may, outside tests, ask a dataset for its
// privileged columns: where things truly are. The rest learns without them.
func ReadsPrivileged() []string {
	return []string{"data", "probe", "eval", "internal/cli"}
}

// roomOf returns the room in which the folder dir lies.
func roomOf(rooms []Room, dir string) (Room, bool) {
	best, found := Room{}, false
	for _, r := range rooms {
		if within(dir, r.Path) && (!found || len(r.Path) > len(best.Path)) {
			best, found = r, true
		}
	}
	return best, found
}

// within reports whether dir is top or lies below it.
func within(dir, top string) bool {
	return dir == top || strings.HasPrefix(dir, top+"/")
}

// importBreach says why the package in folder from may not import the one in
// folder to, or "" if it may. Both are placed.
func importBreach(rooms []Room, from, to string) string {
	a, _ := roomOf(rooms, from)
	b, _ := roomOf(rooms, to)
	switch {
	case from == to: // an external test of the package
		return ""
	case a.Path != b.Path && b.Row < a.Row:
		return ""
	case a.Path != b.Path && b.Row == a.Row:
		return "sideways: both are in row " + digits(a.Row)
	case a.Path != b.Path:
		return "upward: row " + digits(a.Row) + " may not import row " + digits(b.Row)
	case within(from, to): // a sub-package and the packages above it
		return ""
	case within(from, ownerOfInternal(to)): // the room's own internal/ folder
		return ""
	case within(to, from):
		return "a package may not import its own sub-package"
	default:
		return "sideways: sister packages of room " + a.Path
	}
}

// ownerOfInternal returns the folder that holds the last internal/ folder in
// dir's path, or dir itself if there is none below the module's root.
func ownerOfInternal(dir string) string {
	i := strings.LastIndex(dir, "/internal/")
	if i < 0 {
		return dir
	}
	return dir[:i]
}

// mayUseEngine reports whether the file (slash-separated, relative) may import
// the engine.
func mayUseEngine(r Room, file string) bool {
	switch r.Engine {
	case EngineYes:
		return true
	case EngineAdapters:
		name := strings.TrimSuffix(path.Base(file), ".go")
		return strings.HasPrefix(name, "adapter") || strings.HasSuffix(name, "_adapter") || strings.HasSuffix(name, "_test")
	default:
		return false
	}
}
