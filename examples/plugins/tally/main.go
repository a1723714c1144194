// Command tally is an observer plugin: it counts the records of the witness log by type and tells
// its counts whenever one of them has reached a power of two, so that a long log costs it little.
package main

import (
	"slices"
	"strconv"

	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

func main() { sdk.Serve(plugin()) }

// maxTypes bounds what a tally remembers; records of further types count as "other".
const maxTypes = 256

// counts is what one instance has seen, in the order in which the types first came.
type counts struct {
	types []string
	n     []uint64
}

func plugin() *sdk.Plugin {
	var c counts
	return &sdk.Plugin{Name: "tally", Version: "1.0.0", Observe: c.observe}
}

func (c *counts) observe(in *abi.ObserveInput) (abi.ObserveOutput, error) {
	tell := false
	for i := range in.Records {
		n := c.add(in.Records[i].Type)
		tell = tell || n&(n-1) == 0
	}
	if !tell {
		return abi.ObserveOutput{}, nil
	}
	newest := in.Records[len(in.Records)-1]
	return abi.ObserveOutput{Observations: []abi.Observation{{Index: newest.Index, Type: "tally", Data: c.data()}}}, nil
}

// add counts one record and returns the count of its type.
func (c *counts) add(kind string) uint64 {
	i := slices.Index(c.types, kind)
	if i < 0 && len(c.types) >= maxTypes-1 {
		kind = "other"
		i = slices.Index(c.types, kind)
	}
	if i < 0 {
		i = len(c.types)
		c.types, c.n = append(c.types, kind), append(c.n, 0)
	}
	c.n[i]++
	return c.n[i]
}

// data is {"counts":{type: count, …}}.
func (c *counts) data() abi.Raw {
	b := []byte(`{"counts":{`)
	for i, kind := range c.types {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(append(abi.AppendText(b, kind), ':'), c.n[i], 10)
	}
	return append(b, "}}"...)
}
