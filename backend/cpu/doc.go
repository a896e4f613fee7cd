// Package cpu is a GoMLX compute backend for the CPU in pure Go, registered as "cpu".
//
// A graph is compiled once, by passes that are one file each in internal/ir, internal/fusion,
// internal/exec and internal/flow:
//
//	WidenHalf         float16 and bfloat16 arithmetic in float32
//	Simplify          what moves no element becomes a reshape, which costs nothing
//	ShareCommon       equal nodes become one
//	foldConstants     what depends on constants alone is computed now
//	StackGradients    the gradients of slices are put side by side, not padded and added
//	FoldTransposes    products read and write transposed
//	RecogniseConv     a convolution is a forward, data or weight pass, whatever its axes
//	RecogniseReLU     a selection by sign is a maximum
//	RecogniseGELU     the exact GELU and its gradient are one function each
//	FuseEpilogues     bias, residual and ReLU move into the product or convolution
//	ReadBytes         a product of int8 matrices with int32 sums reads them as they lie
//	FuseByteDense     its sums are scaled, and a bias added, in registers
//	RecogniseGRU      the step of a recurrent unit is one kernel, its products included
//	FuseSumProduct    the sum of a product is one pass over its factors
//	ReadHalf          a product of one row reads a bfloat16 matrix as it lies
//	Fuse              element-wise nodes, and reductions of rows among them (layer norm, softmax and
//	                  their gradients), become loops over blocks that stay in the cache
//	sharePacking      a right operand of several products is packed once in a run
//	Early             long pieces of a concatenation go to their place as soon as they are made
//	Late              the gradient of a weight comes behind the steps that go entry by entry and do not need it
//	chains            products of one row of which each reads what the one before makes are one step
//	EntryByEntry      convolutions, pooling, loops and sums that each need image i only to make image i, and products
//	                  that need row i, are done for a few images or rows at a time, one step after the other while
//	                  those are in the cache
//	sideBySide        loops that follow each other and are independent, such as an optimizer's of all
//	                  parameters, are handed to the threads as one step
//	Plan              every intermediate gets a place in one arena by its lifetime
//
// Executing again allocates outputs only, from a pool that Finalize of a buffer refills and
// Finalize of the backend empties; a donated input's memory becomes an output's where it can.
//
// Results have the same bits for any number of threads. An Executable may be executed by many
// goroutines at once: each run takes its own arena from a free list, as large as the most runs
// at one time. The worker pool serves one run at a time, the others compute on their own
// goroutine. Finalize of an executable must not run beside Execute.
//
// Supported are float32, float64, the integers of 8 to 64 bits and bool; float16 and bfloat16
// are stored as such and computed in float32; a product of one float32 row by a bfloat16 matrix,
// converted in the graph, reads the matrix as it lies. Products of int8 matrices with sums in int32 are exact, and with
// AVX-512 VNNI about four times as fast as those of float32. With the option "products=int16" large products of float32 are
// sums of products of 16-bit integers, exact, of operands whose rows are rounded to about 12 bits: with AVX-512 VNNI 1.4 to
// 1.8 times as fast, with AVX2 1.2 to 1.45 times, and as near to float32 as TensorFloat-32 is (internal/gemm16); so are, with
// AVX-512 VNNI, convolutions of 16 images and 8 channels or more (internal/conv16). Fast are float32 element-wise operations,
// reductions, products, ungrouped convolutions of one or two spatial axes and max-pooling of
// images; everything else runs on portable loops. Not supported, and refused with
// compute.ErrNotImplemented: complex numbers, FFT, packed integers below 8 bits, dynamic
// axes and several devices. Random bits are Philox 4x32-10.
//
// Of GoMLX's fused operations there is scaled dot-product attention with its gradient, in float32 and
// without a mask or bias. The others are refused on purpose: the compiler fuses what GoMLX spells out
// instead, while with them a training graph would hold the forward pass twice, fused for the result and
// decomposed for the gradient.
//
// Convolutions of 3x3 with stride 1 over many tiles take Winograd's F(3x3, 3x3) where it was
// measured to be faster: 2 to 4 times the rounding error, and a NaN or infinity in the input also
// reaches the outputs beside its own.
//
// Kernels are AVX-512, AVX2, NEON or plain Go, chosen at run time. NEON has the float32 products
// and the element-wise kernels, reductions and conversions of package vec, hence an optimizer's
// step; convolutions and pooling run in plain Go there, attention on the products. It is tested under an emulator
// (scripts/arm64-tests.sh); its speed on an arm64 processor was never measured.
//
// Explainer lists the steps of compiled graphs with shapes, times, operations and bytes.
//
// GoMLX's own tests of core/graph, ml/nn, ml/model, ml/train and ml/layers pass but for those
// gaps: scripts/gomlx-tests.sh runs them.
package cpu
