package phasor

import "fmt"

// Role is the place of a filler in a tool call.
type Role uint8

// The roles of a tool call. A value is bound to the name of its argument too.
const (
	Tool     Role = iota // the tool's name
	ArgName              // an argument's name
	ArgValue             // an argument's name and value
	Outcome              // what the call came to
	roleCount
)

// Role returns the atom of r, shared and not to be written to. It panics for a role that is none.
func (c *Codebook) Role(r Role) Vector { return c.roles[r] }

// Bound returns role·rho^0(word_0)·rho^1(word_1)·…: what Encoder.AddCall adds for a filler, to ask a View
// for its weight. dst is overwritten, may be nil, and must not be an atom. At most D words.
func (c *Codebook) Bound(dst Vector, r Role, words ...string) Vector {
	dst = grown(dst, c.dims)
	var store [maxOrder]Vector
	atoms := store[:0]
	for _, w := range words {
		atoms = append(atoms, c.Atom(w))
	}
	if len(atoms) == 0 {
		copy(dst, c.roles[r])
		return dst
	}
	gram(dst, atoms)
	return Bind(dst, dst, c.roles[r])
}

// BoundNumber returns the vector of a numeric argument as Encoder.AddCall adds it. dst as in Bound.
func (c *Codebook) BoundNumber(dst Vector, name string, axis *Axis, x float64) (Vector, error) {
	if axis.book != c.id {
		return nil, fmt.Errorf("phasor: argument %.40q: axis of book %#x in %#x: %w", name, axis.book, c.id, ErrBook)
	}
	dst, err := axis.Vector(dst, x)
	if err != nil {
		return nil, err
	}
	Bind(dst, dst, c.Atom(name))
	return Bind(dst, dst, c.roles[ArgValue]), nil
}

// Call is a tool call as the package reads it.
type Call struct {
	Tool    string
	Args    []Arg
	Outcome string // empty: none yet
}

// Arg is one argument: Value, or Number on Axis where that is given.
type Arg struct {
	Name   string
	Value  string
	Axis   *Axis
	Number float64
}
