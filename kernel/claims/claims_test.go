// Package claims holds the kernel to the reference values of ../shared/cases through its public packages
// alone, where no package's own test does. Each oracle is a closed form that is computed here, so that a
// clone without shared/ still proves it; with the files there, their rows are held to as well.
package claims

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/becomingone/becomingone/kernel/kairos"
	"github.com/becomingone/becomingone/kernel/phase"
)

func integrator(t *testing.T, cfg kairos.Config) *kairos.Integrator {
	t.Helper()
	g, err := kairos.NewIntegrator(cfg)
	require.NoError(t, err)
	return g
}

func oscillator(t *testing.T, hz float64) phase.NCO {
	t.Helper()
	n, err := phase.NewNCO(hz)
	require.NoError(t, err)
	return n
}

// turn returns exp(2πi·turns).
func turn(turns float64) complex128 {
	sin, cos := math.Sincos(2 * math.Pi * (turns - math.Floor(turns)))
	return complex(cos, sin)
}

// within4 requires a Monte Carlo mean within four standard errors.
func within4(t *testing.T, want, got, se float64, at ...any) {
	t.Helper()
	require.InDelta(t, want, got, 4*se, at...)
}
