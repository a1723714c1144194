package meter

import (
	"fmt"
	"math"
)

// Config bounds a module and its run. Take [DefaultConfig] and change what differs: a zero bound
// allows none.
type Config struct {
	StartFuel   int64  // units that the start function may burn, in [0, MaxFuel]; the host sets the rest
	MaxPages    uint32 // linear memory, in pages of 64 KiB, at most 65536
	MaxElements uint32 // elements of one table, at most 1<<24
	MaxDepth    int32  // calls that may nest; 0 leaves the depth to the engine
	Limits      Limits
}

// MaxFuel is the largest budget that the accounting cannot wrap around.
const MaxFuel = 1 << 62

// Limits bound a module before anything is compiled. All are inclusive.
type Limits struct {
	Module    int // bytes
	Types     int
	Params    int // of one function type
	Results   int // of one function type
	Imports   int
	Functions int // imported ones included
	Tables    int
	Globals   int
	Exports   int
	Elements  int // initial elements in all element segments together
	Segments  int // element and data segments, each kind
	Locals    int // of one function, parameters included
	Body      int // bytes of one function
	Nesting   int // blocks open at once, the function included
	Loops     int // loops open at once
	Targets   int // of one br_table
	Work      int // of one function: instructions, and values that calls, blocks and branches move

	// What a compiler does is not linear. With b the blocks and branches of a function (eight
	// targets of a br_table are one more), l its loops and bulk operations and v its locals, its
	// complexity is (b + 16 l)·(b + 16 v).
	Complexity int // of one function
	Total      int // of all functions together
}

// DefaultConfig admits what today's compilers emit and what wazero compiles in bounded time.
func DefaultConfig() Config {
	return Config{
		StartFuel:   50_000_000,
		MaxPages:    1024,
		MaxElements: 1 << 17,
		MaxDepth:    1800,
		Limits: Limits{
			Module:    16 << 20,
			Types:     10_000,
			Params:    128,
			Results:   16,
			Imports:   1_000,
			Functions: 50_000,
			Tables:    8,
			Globals:   10_000,
			Exports:   10_000,
			Elements:  200_000,
			Segments:  100_000,
			Locals:    2_000,
			Body:      512 << 10,
			Nesting:   1_024,
			Loops:     32,
			Targets:   16_384,
			Work:      1 << 20,

			Complexity: 1 << 26,
			Total:      1 << 28,
		},
	}
}

// Validate names the first field outside its range.
func (c Config) Validate() error {
	if c.StartFuel < 0 || c.StartFuel > MaxFuel {
		return fmt.Errorf("meter: StartFuel %d: not in 0…%d", c.StartFuel, int64(MaxFuel))
	}
	if c.MaxPages > 65536 {
		return fmt.Errorf("meter: MaxPages %d: not in 0…65536", c.MaxPages)
	}
	if c.MaxElements > 1<<24 {
		return fmt.Errorf("meter: MaxElements %d: not in 0…%d", c.MaxElements, 1<<24)
	}
	if c.MaxDepth < 0 {
		return fmt.Errorf("meter: MaxDepth %d: not in 0…%d", c.MaxDepth, math.MaxInt32)
	}
	l := c.Limits
	for _, f := range []struct {
		name  string
		value int
		max   int
	}{
		{"Module", l.Module, 1 << 30}, {"Types", l.Types, 1 << 20}, {"Params", l.Params, 1000},
		{"Results", l.Results, 1000}, {"Imports", l.Imports, 1 << 20}, {"Functions", l.Functions, 1 << 20},
		{"Tables", l.Tables, 1000}, {"Globals", l.Globals, 1 << 20}, {"Exports", l.Exports, 1 << 20},
		{"Elements", l.Elements, 1 << 24}, {"Segments", l.Segments, 1 << 20}, {"Locals", l.Locals, 49_999},
		{"Body", l.Body, 1 << 24}, {"Nesting", l.Nesting, 1 << 20}, {"Targets", l.Targets, 1 << 20},
		{"Loops", l.Loops, 1 << 20}, {"Work", l.Work, 1 << 30},
		{"Complexity", l.Complexity, math.MaxInt}, {"Total", l.Total, math.MaxInt},
	} {
		if f.value < 0 || f.value > f.max {
			return fmt.Errorf("meter: Limits.%s %d: not in 0…%d", f.name, f.value, f.max)
		}
	}
	return nil
}
