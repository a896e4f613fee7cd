package nn_test

// The stream of seed 1 for a 2×2 variable at /encoder/head/weight. goldenFanIn, goldenNormal and
// goldenWord were also made by an independent program: SHA-256, PCG-DXSM and the normal quantile
// function of Python 3.11.
var (
	goldenFanIn       = []float64{-0.01194281557797472, -0.18301728294894304, -0.4139221458848632, -0.17210738276141724}
	goldenTruncNormal = []float64{-0.0005988134392029389, -0.009523058500944951, -0.02730619548412862, -0.008914795365971909}
	goldenNormal      = []float64{-0.029940671960146947, -0.4761529250472476, -1.365309774206431, -0.44573976829859546}
	goldenOrthogonal  = []float64{-0.06275642449937516, -0.9980288729210465, -0.9980288729210465, 0.06275642449937516}
)

const goldenWord = 17337567177807895810
