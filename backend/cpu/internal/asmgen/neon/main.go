// Command neon writes the arm64 kernels of packages gemm and vec.
//
// avo knows amd64 only, so this program writes the text itself. Go's assembler lacks most
// floating point instructions on vectors; those stand as WORD with the instruction in a comment.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
)

func main() {
	log.SetFlags(0)
	kernels := flag.String("kernels", "", "gemm or vec")
	out := flag.String("out", "", "assembly file to write")
	stubs := flag.String("stubs", "", "Go file with the declarations to write")
	flag.Parse()
	f := &file{pkg: *kernels}
	switch *kernels {
	case "gemm":
		gemm(f)
	case "vec":
		vec(f)
	default:
		log.Fatalf("neon: -kernels is %q, want gemm or vec", *kernels)
	}
	f.command = fmt.Sprintf("go run ./neon -kernels %s -out %s -stubs %s", *kernels, *out, *stubs)
	for name, text := range map[string]string{*out: f.assembly(), *stubs: f.declarations()} {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
