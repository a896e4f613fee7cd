package vec

import "foresee/backend/cpu/internal/isa"

func archTable(l isa.Level) *table {
	if l == isa.NEON {
		return &tableNEON
	}
	return nil
}

var tableNEON = table{
	add:        addNEON,
	sub:        subNEON,
	mul:        mulNEON,
	div:        divNEON,
	max:        maxNEON,
	min:        minNEON,
	reluGrad:   reluGradNEON,
	addScalar:  addScalarNEON,
	mulScalar:  mulScalarNEON,
	divScalar:  divScalarNEON,
	maxScalar:  maxScalarNEON,
	minScalar:  minScalarNEON,
	scalarSub:  scalarSubNEON,
	scalarDiv:  scalarDivNEON,
	axpy:       axpyNEON,
	affine:     affineNEON,
	fill:       fillNEON,
	mulAdd:     mulAddNEON,
	neg:        negNEON,
	abs:        absNEON,
	sqrt:       sqrtNEON,
	rsqrt:      rsqrtNEON,
	relu:       reluNEON,
	floor:      floorNEON,
	ceil:       ceilNEON,
	round:      roundEvenNEON,
	exp:        expNEON,
	log:        logNEON,
	log1p:      log1pNEON,
	tanh:       tanhNEON,
	sigmoid:    sigmoidNEON,
	erf:        erfNEON,
	gelu:       geluNEON,
	geluSlope:  geluSlopeNEON,
	sin:        sinNEON,
	cos:        cosNEON,
	sum:        sumNEON,
	sumSquares: sumSquaresNEON,
	maxOf:      maxOfNEON,
	minOf:      minOfNEON,
	dot:        dotNEON,
	less:       lessNEON,
	lessEqual:  lessEqualNEON,
	equal:      equalNEON,
	notEqual:   notEqualNEON,
	choose:     chooseNEON,
	fromBytes:  fromBytesNEON,
	addRows:    addRowsNEON,
	maxBytes:   maxBytesNEON,
	minBytes:   minBytesNEON,
	bytesBy:    8,
}
