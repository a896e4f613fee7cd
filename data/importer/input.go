package importer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// cameraPrefix marks a V4L2 device under any path, as v4l2:/dev/v4l/by-id/...
const cameraPrefix = "v4l2:"

// camera returns the device of a camera and whether the source is one:
// /dev/videoN, or v4l2: and a path.
func camera(source string) (device string, ok bool) {
	if device, ok = strings.CutPrefix(source, cameraPrefix); ok {
		return device, true
	}
	n, ok := strings.CutPrefix(source, "/dev/video")
	return source, ok && n != "" && strings.Trim(n, "0123456789") == ""
}

// checkCamera says in words why a camera cannot be opened.
func checkCamera(device string) error {
	info, err := os.Stat(device)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		there, _ := filepath.Glob("/dev/video*")
		slices.Sort(there)
		if len(there) == 0 {
			return errors.New("no such camera, and this machine has no other: there is no /dev/video*; is it plugged in, and passed into the container?")
		}
		return fmt.Errorf("no such camera; there are %s", strings.Join(there, ", "))
	case err != nil:
		return plain(err)
	case info.Mode()&os.ModeCharDevice == 0:
		return errors.New("is not a camera: not a character device")
	}
	return nil
}

// IsLive reports whether a source is endless by its name: a camera, or a URL of
// another protocol than file and HTTP. An HTTP source may be either.
func IsLive(source string) bool {
	if _, ok := camera(source); ok {
		return true
	}
	scheme, _, ok := strings.Cut(source, "://")
	return ok && !slices.Contains([]string{"file", "http", "https"}, strings.ToLower(scheme))
}

// isURL reports whether a source is reached through the network.
func isURL(source string) bool { return strings.Contains(source, "://") }

// silence is how long ffmpeg waits for a network that says nothing, in
// microseconds, before it gives up.
const silence = "10000000"

// inputArgs names the input. A local file may not make ffmpeg open anything but
// local files, as a playlist could.
func inputArgs(path string) []string {
	if device, ok := camera(path); ok {
		return []string{"-f", "v4l2", "-i", device}
	}
	scheme, _, ok := strings.Cut(path, "://")
	if !ok {
		return []string{"-protocol_whitelist", "file", "-i", "file:" + path}
	}
	switch strings.ToLower(scheme) {
	case "rtsp", "rtsps":
		return []string{"-rtsp_transport", "tcp", "-timeout", silence, "-i", path}
	case "http", "https":
		return []string{"-rw_timeout", silence, "-i", path}
	}
	return []string{"-i", path}
}
