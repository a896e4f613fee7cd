package plantest_test

import (
	"testing"

	"foresee/plan"
	"foresee/plan/plantest"
)

func TestSolversConform(t *testing.T) {
	solvers := map[string]plantest.Make{
		"CEM": func(d plan.Dynamics, b plan.Bounds) (plan.Solver, error) {
			return plan.NewCEM(d, b, plan.CEMConfig{})
		},
		"CEM with mean": func(d plan.Dynamics, b plan.Bounds) (plan.Solver, error) {
			return plan.NewCEM(d, b, plan.CEMConfig{Samples: 100, Elites: 10, IncludeMean: true})
		},
		"ICEM": func(d plan.Dynamics, b plan.Bounds) (plan.Solver, error) {
			return plan.NewICEM(d, b, plan.ICEMConfig{})
		},
		"ICEM mean": func(d plan.Dynamics, b plan.Bounds) (plan.Solver, error) {
			return plan.NewICEM(d, b, plan.ICEMConfig{Samples: 100, Keep: -1, Momentum: -1, Beta: -1, ReturnMean: true})
		},
		"MPPI": func(d plan.Dynamics, b plan.Bounds) (plan.Solver, error) {
			return plan.NewMPPI(d, b, plan.MPPIConfig{Std: 0.4, Temperature: 0.05})
		},
		"MPPI EB-JEPA": func(d plan.Dynamics, b plan.Bounds) (plan.Solver, error) {
			return plan.NewMPPI(d, b, plan.EBJEPAMPPI())
		},
		"MPPI PLDM, more iterations": func(d plan.Dynamics, b plan.Bounds) (plan.Solver, error) {
			cfg := plan.PLDMMPPI()
			cfg.Iterations, cfg.Std, cfg.FitStd = 12, 1, true
			return plan.NewMPPI(d, b, cfg)
		},
	}
	for name, make := range solvers {
		t.Run(name, func(t *testing.T) { plantest.Run(t, make) })
	}
}
