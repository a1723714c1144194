package plugins

import (
	"strconv"
	"time"
)

// Limits bound one plugin. What a manifest leaves out is DefaultLimits.
type Limits struct {
	MemoryPages int           `json:"memory_pages"` // of 64 KiB, of one instance
	Fuel        int64         `json:"fuel"`         // units of plugins/wasm/meter, of one call
	Deadline    time.Duration `json:"deadline"`     // until the caller of one call has an answer
	InputBytes  int           `json:"input_bytes"`  // of one message to the plugin
	OutputBytes int           `json:"output_bytes"` // of one answer
	Instances   int           `json:"instances"`    // that run at once
	HostCalls   int           `json:"host_calls"`   // of one call
}

// DefaultLimits returns what a manifest need not say: a spinning guest ends after tens of
// milliseconds, and a Go guest has room to answer.
func DefaultLimits() Limits {
	return Limits{
		MemoryPages: 256, Fuel: 50_000_000, Deadline: time.Second,
		InputBytes: 1 << 20, OutputBytes: 256 << 10, Instances: 2, HostCalls: 10_000,
	}
}

// MaxLimits returns the most that a manifest may ask for. The fuel's bound matters most: a guest
// that spins has no safepoint, so once a garbage collection begins all of the node waits for it to
// end. Measured, the collector waits 18 ms for 50 million units, 220 ms for 500 million and 2.1 s for
// 5,000 million; 200 million keep that wait below the 100 ms within which the node must answer the
// next honest call. What needs more belongs into a process.
func MaxLimits() Limits {
	return Limits{
		MemoryPages: 4096, Fuel: 200_000_000, Deadline: time.Minute,
		InputBytes: 16 << 20, OutputBytes: 16 << 20, Instances: 64, HostCalls: 10_000_000,
	}
}

// Validate names the first field outside 1…MaxLimits.
func (l Limits) Validate() error {
	most := MaxLimits()
	for _, f := range []struct {
		name        string
		value, most int64
	}{
		{"memory_pages", int64(l.MemoryPages), int64(most.MemoryPages)},
		{"fuel", l.Fuel, most.Fuel},
		{"input_bytes", int64(l.InputBytes), int64(most.InputBytes)},
		{"output_bytes", int64(l.OutputBytes), int64(most.OutputBytes)},
		{"instances", int64(l.Instances), int64(most.Instances)},
		{"host_calls", int64(l.HostCalls), int64(most.HostCalls)},
	} {
		if f.value < 1 || f.value > f.most {
			return &ManifestError{"limits." + f.name, strconv.FormatInt(f.value, 10), "1…" + strconv.FormatInt(f.most, 10)}
		}
	}
	if l.Deadline < time.Millisecond || l.Deadline > most.Deadline {
		return &ManifestError{"limits.deadline", l.Deadline.String(), "1ms…" + most.Deadline.String()}
	}
	return nil
}
