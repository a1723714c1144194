package oscillator

import (
	"fmt"
	"math"
	"slices"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Network is Kuramoto's: theta_i' = omega_i + K·Σ sin(theta_j - theta_i) over i's neighbours. The same start
// gives the same bits on every machine. Not safe for concurrent use.
type Network struct {
	graph    *Graph
	coupling float64
	omega    []float64
	theta    []float64
	work     [5][]float64
}

// NewNetwork returns a network on g with coupling in 1/s, natural frequencies omega in rad/s and phases
// theta in rad, one each a node; it copies both.
func NewNetwork(g *Graph, coupling float64, omega, theta []float64) (*Network, error) {
	if len(omega) != g.n || len(theta) != g.n {
		return nil, fmt.Errorf("oscillator: network of %d nodes: %d frequencies, %d phases", g.n, len(omega), len(theta))
	}
	if !(math.Abs(coupling) <= math.MaxFloat64) {
		return nil, fmt.Errorf("oscillator: network coupling %v: not finite", coupling)
	}
	n := &Network{graph: g, coupling: coupling, omega: slices.Clone(omega), theta: slices.Clone(theta)}
	for k := range n.work {
		n.work[k] = make([]float64, g.n)
	}
	return n, nil
}

// Phases returns the phases in rad, not wrapped. They belong to the network and hold until the next Step.
func (n *Network) Phases() []float64 { return n.theta }

// Step goes on by dt seconds by the classical Runge-Kutta rule. It allocates nothing.
func (n *Network) Step(dt float64) {
	a, b, c, d, at := n.work[0], n.work[1], n.work[2], n.work[3], n.work[4]
	n.slope(n.theta, a)
	n.move(at, a, dt/2)
	n.slope(at, b)
	n.move(at, b, dt/2)
	n.slope(at, c)
	n.move(at, c, dt)
	n.slope(at, d)
	for i := range n.theta {
		n.theta[i] += float64(dt / 6 * (a[i] + float64(2*b[i]) + float64(2*c[i]) + d[i]))
	}
}

func (n *Network) move(to, slope []float64, dt float64) {
	for i := range to {
		to[i] = n.theta[i] + float64(dt*slope[i])
	}
}

func (n *Network) slope(theta, out []float64) {
	copy(out, n.omega)
	for _, l := range n.graph.links {
		f := float64(n.coupling * sin(theta[l[1]]-theta[l[0]]))
		out[l[0]] += f
		out[l[1]] -= f
	}
}

// Order returns the order parameter r·exp(iψ), the mean of exp(i·theta).
func (n *Network) Order() complex128 {
	var sum complex128
	for _, v := range n.theta {
		s, c := exact.Sincos(exact.Turns(v))
		sum += complex(c, s)
	}
	return exact.Scale(1/float64(n.graph.n), sum)
}

// OnsetLorentz returns the coupling strength at which a large all-to-all crowd with Lorentzian frequencies
// of half-width gamma (rad/s) begins to agree, 2·gamma, and the order r = sqrt(1 - Kc/K) that it reaches at
// strength k, 0 below the onset. k is the whole crowd's: a Network on Complete(n) has coupling k/n.
func OnsetLorentz(gamma, k float64) (onset, order float64) {
	onset = float64(2 * gamma)
	if k <= onset {
		return onset, 0
	}
	return onset, math.Sqrt(1 - onset/k)
}
