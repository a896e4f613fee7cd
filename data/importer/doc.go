// Package importer reads videos, pictures and datasets frame by frame, and makes
// datasets of them.
//
//	video            whatever ffmpeg reads, by file name or URL; needs ffmpeg and ffprobe
//	GIF, Y4M         without ffmpeg
//	folder           PNG and JPEG pictures in natural order (frame2 before frame10),
//	                 one episode; or folders of them, one episode each
//	dataset folder   as package data writes it
//
// Frames are resized to the wanted height and width as they are: the aspect
// ratio is not kept and nothing is cut off or padded. Shrinking averages over
// the area, enlarging is bicubic. Transparent pixels are put on black. The
// orientation tag of a JPEG is not applied; that of a video is.
package importer
