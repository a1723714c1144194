package oscillator

import (
	"fmt"
	"math"
	"slices"
)

// MaxNodes bounds a Graph: its spectrum takes O(n³).
const MaxNodes = 1024

// Graph is an undirected graph of equal links between nodes 0…n-1.
type Graph struct {
	n     int
	links [][2]int
}

// NewGraph returns a graph of n nodes. Links name two different nodes, each pair once.
func NewGraph(n int, links [][2]int) (*Graph, error) {
	if n < 1 || n > MaxNodes {
		return nil, fmt.Errorf("oscillator: graph of %d nodes: not in [1, %d]", n, MaxNodes)
	}
	seen := make(map[[2]int]bool, len(links))
	for _, l := range links {
		a, b := min(l[0], l[1]), max(l[0], l[1])
		if a < 0 || b >= n || a == b {
			return nil, fmt.Errorf("oscillator: graph link %d-%d: not two of %d nodes", l[0], l[1], n)
		}
		if seen[[2]int{a, b}] {
			return nil, fmt.Errorf("oscillator: graph link %d-%d: twice", l[0], l[1])
		}
		seen[[2]int{a, b}] = true
	}
	return &Graph{n: n, links: slices.Clone(links)}, nil
}

// Nodes returns n.
func (g *Graph) Nodes() int { return g.n }

// Laplacian returns the n·n entries of degree less adjacency, row by row. The caller owns them.
func (g *Graph) Laplacian() []float64 {
	l := make([]float64, g.n*g.n)
	for _, e := range g.links {
		a, b := e[0], e[1]
		l[a*g.n+a]++
		l[b*g.n+b]++
		l[a*g.n+b]--
		l[b*g.n+a]--
	}
	return l
}

// Spectrum is what the graph's Laplacian says about agreement.
type Spectrum struct {
	Connectivity float64 // λ2, the second least eigenvalue; 0 for a graph in pieces
	Largest      float64 // λmax
}

// Rate returns how fast small differences die under coupling k, k·λ2 in units of k.
func (s Spectrum) Rate(k float64) float64 { return float64(k * s.Connectivity) }

// MaxStep returns the bound below which theta <- theta - eps·L·theta is stable, 2/λmax.
func (s Spectrum) MaxStep() float64 { return 2 / s.Largest }

// BestStep returns the step that settles fastest, 2/(λ2+λmax), and the factor by which it shrinks
// differences a round, (λmax-λ2)/(λmax+λ2).
func (s Spectrum) BestStep() (eps, factor float64) {
	sum := s.Connectivity + s.Largest
	return 2 / sum, (s.Largest - s.Connectivity) / sum
}

// MaxDelay returns the uniform delay in s from which on coupling k (1/s) is unstable, π/(2·k·λmax). A network
// that is slower must take the delay out first: package clock (KERNEL.md 4.2).
func (s Spectrum) MaxDelay(k float64) float64 { return math.Pi / float64(2*float64(k*s.Largest)) }

// Spectrum returns the ends of the Laplacian's spectrum to within 1e-12·λmax, by Jacobi's rotations.
func (g *Graph) Spectrum() Spectrum {
	v := eigenvalues(g.Laplacian(), g.n)
	slices.Sort(v)
	s := Spectrum{Largest: v[g.n-1]}
	if g.n > 1 {
		s.Connectivity = max(0, v[1])
	}
	return s
}

// eigenvalues returns those of the symmetric n·n matrix a, which it overwrites. Cyclic Jacobi: each
// rotation takes an off-diagonal pair to 0, and convergence is quadratic at the end.
func eigenvalues(a []float64, n int) []float64 {
	for range 64 {
		off, all := 0.0, 0.0
		for i := range n {
			for j := range n {
				sq := float64(a[i*n+j] * a[i*n+j])
				all += sq
				if i != j {
					off += sq
				}
			}
		}
		if off <= float64(1e-28*all) {
			break
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				rotate(a, n, p, q)
			}
		}
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = a[i*n+i]
	}
	return out
}

// rotate turns the plane of p and q so that a[p,q] becomes 0.
func rotate(a []float64, n, p, q int) {
	off := a[p*n+q]
	if off == 0 {
		return
	}
	tau := (a[q*n+q] - a[p*n+p]) / float64(2*off)
	t := 1 / (math.Abs(tau) + math.Sqrt(1+float64(tau*tau)))
	if tau < 0 {
		t = -t
	}
	c := 1 / math.Sqrt(1+float64(t*t))
	s := float64(t * c)
	for k := range n {
		x, y := a[k*n+p], a[k*n+q]
		a[k*n+p], a[k*n+q] = float64(c*x)-float64(s*y), float64(s*x)+float64(c*y)
	}
	for k := range n {
		x, y := a[p*n+k], a[q*n+k]
		a[p*n+k], a[q*n+k] = float64(c*x)-float64(s*y), float64(s*x)+float64(c*y)
	}
}

// Ring returns n >= 3 nodes in a circle.
func Ring(n int) (*Graph, error) {
	if n < 3 {
		return nil, fmt.Errorf("oscillator: ring of %d nodes: need 3", n)
	}
	return NewGraph(n, pairs(n, func(i, j int) bool { return j == i+1 || i == 0 && j == n-1 }))
}

// Path returns n nodes in a row.
func Path(n int) (*Graph, error) {
	return NewGraph(n, pairs(n, func(i, j int) bool { return j == i+1 }))
}

// Star returns node 0 linked to n-1 others.
func Star(n int) (*Graph, error) {
	return NewGraph(n, pairs(n, func(i, _ int) bool { return i == 0 }))
}

// Complete returns n nodes that are all linked.
func Complete(n int) (*Graph, error) {
	return NewGraph(n, pairs(n, func(int, int) bool { return true }))
}

// Cube returns the corners of a cube of d dimensions, 0 <= d <= 10, linked along its edges.
func Cube(d int) (*Graph, error) {
	if d < 0 || d > 10 {
		return nil, fmt.Errorf("oscillator: cube of %d dimensions: not in [0, 10]", d)
	}
	return NewGraph(1<<d, pairs(1<<d, func(i, j int) bool { x := i ^ j; return x&(x-1) == 0 }))
}

// pairs lists the i < j below n that are linked; a size that NewGraph refuses has none.
func pairs(n int, linked func(i, j int) bool) (out [][2]int) {
	if n > MaxNodes {
		return nil
	}
	for i := range max(n, 0) {
		for j := i + 1; j < n; j++ {
			if linked(i, j) {
				out = append(out, [2]int{i, j})
			}
		}
	}
	return out
}
