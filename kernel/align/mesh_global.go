package align

import (
	"slices"

	"github.com/becomingone/becomingone/kernel/phase/exact"
)

// Global is the state of all peers that count, the node's own included if it was admitted.
type Global struct {
	Pooled complex128 // ΣS/ΣW: exactly the resonance of all their samples taken together
	Mass   float64    // ΣW, samples
	Nu     float64    // (ΣW)²/ΣQ, for peers that see independent noise

	Center Center     // geometric median of the peers' T: what f liars cannot carry off
	Mean   complex128 // mean of the peers' T with the same weights, for comparison
	Alpha  float64    // most of the weight that f peers can hold
	C      float64    // |Center - z| <= C·r if all honest peers are within r of z; +Inf without a quorum

	Order  complex128 // r·exp(iψ) of the peers' phases
	Peers  int        // that count
	Quorum bool       // Peers >= 2f+1: f liars hold less than half
}

// Read returns the mesh's state at the instant at. Peers weigh by their credited nu, and none above
// 1/(2f+1): what a peer says about its own coherence moves its point, never its weight. Any order of
// hearing gives the same bits. It allocates nothing.
func (m *Mesh) Read(at int64) Global {
	points, weights, masses := m.points[:0], m.weights[:0], m.masses[:0]
	var all pool
	for _, p := range m.members {
		c := m.credit(p, at)
		if c.W == 0 {
			continue
		}
		all.add(&c)
		points = append(points, c.Resonance())
		weights = append(weights, c.Nu())
	}
	m.points, m.weights = points, weights
	g := Global{Peers: len(points), Pooled: all.resonance(), Mass: all.w.float(), Nu: all.nu()}
	g.Quorum = g.Peers > 0 && g.Peers > 2*m.cfg.F
	CapWeights(weights, 1/float64(2*m.cfg.F+1))
	for k, w := range weights {
		g.Mean += exact.Scale(w, points[k])
	}
	g.Center = Median(points, weights)
	g.Order = Order(points)
	m.masses = append(masses, weights...)
	slices.Sort(m.masses)
	for k := len(m.masses) - 1; k >= 0 && k >= len(m.masses)-m.cfg.F; k-- {
		g.Alpha += m.masses[k]
	}
	if !g.Quorum {
		g.Alpha = 1
	}
	g.C = MedianBound(g.Alpha, g.Center.Slope)
	return g
}

// CapWeights scales weights in place to the sum 1 and so that none is above limit: what the heavy ones lose
// goes to the others in proportion. Where they are too few for that, all that count get an equal share.
// Weights that are not above 0, or not finite, become 0.
func CapWeights(weights []float64, limit float64) {
	n, top := 0, 0.0
	for k, w := range weights {
		if weight(0, w) == 0 {
			weights[k] = 0
			continue
		}
		n++
		top = max(top, w)
	}
	if n == 0 {
		return
	}
	if !(float64(limit*float64(n)) > 1) {
		share(weights, n)
		return
	}
	for k := range weights { // the ratio alone matters, and this way no sum overflows
		weights[k] /= top
	}
	pin(weights, limit)
}

// pin marks the weights that would pass limit until none does, and gives the rest what is left.
func pin(weights []float64, limit float64) {
	pinned := 0.0
	for {
		free := 0.0
		for _, w := range weights {
			free += max(w, 0)
		}
		room, again := 1-float64(limit*pinned), false
		for k, w := range weights {
			if w > 0 && float64(w*room) > float64(limit*free) {
				weights[k], again = -1, true
				pinned++
			}
		}
		if again {
			continue
		}
		for k, w := range weights {
			if w < 0 {
				weights[k] = limit
			} else if w > 0 {
				weights[k] = float64(w / free * room)
			}
		}
		return
	}
}

// share gives each of the n weights above 0 the same.
func share(weights []float64, n int) {
	for k, w := range weights {
		if w > 0 {
			weights[k] = 1 / float64(n)
		}
	}
}
