package main

import "fmt"

// The instructions. d, n and m are vector registers, results first; they are 4 floats or 32-bit
// integers wide unless the name says otherwise.

// word is an instruction of the form op Vd.4S, Vn.4S, Vm.4S that Go's assembler lacks.
func word(name string, base uint32) func(d, n, m int) string {
	return func(d, n, m int) string {
		return fmt.Sprintf("WORD $0x%08x // %s V%d.4S, V%d.4S, V%d.4S", base|uint32(m<<16|n<<5|d), name, d, n, m)
	}
}

// word1 is one of the form op Vd.4S, Vn.4S.
func word1(name string, base uint32) func(d, n int) string {
	return func(d, n int) string {
		return fmt.Sprintf("WORD $0x%08x // %s V%d.4S, V%d.4S", base|uint32(n<<5|d), name, d, n)
	}
}

// mnemonic is one that the assembler has, whose operands it takes in reverse.
func mnemonic(name, lanes string) func(d, n, m int) string {
	return func(d, n, m int) string {
		return fmt.Sprintf("%s V%d.%s, V%d.%s, V%d.%s", name, m, lanes, n, lanes, d, lanes)
	}
}

// Source of the encodings: Arm Architecture Reference Manual for A-profile (DDI 0487), C7.2.
var (
	fadd  = word("FADD", 0x4E20D400)
	fsub  = word("FSUB", 0x4EA0D400)
	fmul  = word("FMUL", 0x6E20DC00)
	fdiv  = word("FDIV", 0x6E20FC00)
	fmax  = word("FMAX", 0x4E20F400) // NaN if either is
	fmin  = word("FMIN", 0x4EA0F400)
	fcmeq = word("FCMEQ", 0x4E20E400)
	fcmge = word("FCMGE", 0x6E20E400)
	fcmgt = word("FCMGT", 0x6EA0E400)
	faddp = word("FADDP", 0x6E20D400)
	fmaxp = word("FMAXP", 0x6E20F400)
	fminp = word("FMINP", 0x6EA0F400)

	fabs   = word1("FABS", 0x4EA0F800)
	fneg   = word1("FNEG", 0x6EA0F800)
	fsqrt  = word1("FSQRT", 0x6EA1F800)
	frintn = word1("FRINTN", 0x4E218800) // to nearest, ties to even
	frintm = word1("FRINTM", 0x4E219800) // down
	frintp = word1("FRINTP", 0x4EA18800) // up
	fcvtns = word1("FCVTNS", 0x4E21A800)
	scvtf  = word1("SCVTF", 0x4E21D800)
	ucvtf  = word1("UCVTF", 0x6E21D800)

	fmla = mnemonic("VFMLA", "S4") // d += n * m
	fmls = mnemonic("VFMLS", "S4")
	iadd = mnemonic("VADD", "S4")
	isub = mnemonic("VSUB", "S4")
	and  = mnemonic("VAND", "B16")
	or   = mnemonic("VORR", "B16")
	eor  = mnemonic("VEOR", "B16")
	bsl  = mnemonic("VBSL", "B16") // d = n where d's bit is set, else m
	tst  = mnemonic("VCMTST", "S4")
	uzp1 = mnemonic("VUZP1", "H8")
	umax = mnemonic("VUMAX", "B16")
	umin = mnemonic("VUMIN", "B16")
)

// fmlaLane is d += n * m[lane].
func fmlaLane(d, n, m, lane int) string {
	u := 0x4F801000 | uint32(lane&1)<<21 | uint32(m)<<16 | uint32(lane>>1)<<11 | uint32(n<<5|d)
	return fmt.Sprintf("WORD $0x%08x // FMLA V%d.4S, V%d.4S, V%d.S[%d]", u, d, n, m, lane)
}

func sshr(d, n, by int) string {
	return fmt.Sprintf("WORD $0x%08x // SSHR V%d.4S, V%d.4S, #%d", 0x4F000400|uint32(64-by)<<16|uint32(n<<5|d), d, n, by)
}

func shl(d, n, by int) string  { return fmt.Sprintf("VSHL $%d, V%d.S4, V%d.S4", by, n, d) }
func ushr(d, n, by int) string { return fmt.Sprintf("VUSHR $%d, V%d.S4, V%d.S4", by, n, d) }

// mvn sets d to the complement of n.
func mvn(d, n int) string {
	return fmt.Sprintf("WORD $0x%08x // MVN V%d.16B, V%d.16B", 0x6E205800|uint32(n<<5|d), d, n)
}

// xtn keeps the low bytes of the eight 16-bit lanes of n.
func xtn(d, n int) string {
	return fmt.Sprintf("WORD $0x%08x // XTN V%d.8B, V%d.8H", 0x0E212800|uint32(n<<5|d), d, n)
}

// umaxv sets d to the largest of the lanes of n.
func umaxv(d, n int) string {
	return fmt.Sprintf("WORD $0x%08x // UMAXV S%d, V%d.4S", 0x6EB0A800|uint32(n<<5|d), d, n)
}

func mov(d, n int) string   { return fmt.Sprintf("VMOV V%d.B16, V%d.B16", n, d) }
func clear0(d int) string   { return eor(d, d, d) }
func dup(d, n int) string   { return fmt.Sprintf("VDUP V%d.S[0], V%d.S4", n, d) }
func uxtl(d, n int) string  { return fmt.Sprintf("VUXTL V%d.H4, V%d.S4", n, d) }
func uxtl2(d, n int) string { return fmt.Sprintf("VUXTL2 V%d.H8, V%d.S4", n, d) }
func uxtlb(d, n int) string { return fmt.Sprintf("VUXTL V%d.B8, V%d.H8", n, d) }
