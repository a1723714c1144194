// Package meter makes a WebAssembly module pay for what it executes.
//
// wazero has no fuel, and a compiler has no defence against a module that was made to be slow to
// compile. [Rewrite] therefore reads a module before anything is compiled, refuses it unless it
// stays within [Limits], and writes it anew with two globals: fuel, which every function and every
// round of a loop takes its cost from, and depth, which bounds how far calls nest. A guest that
// runs out of either traps by the instruction unreachable and leaves that global negative.
//
// The fuel of a run depends on the module, its input and the configuration alone: it is the same
// on every machine, and on wazero's interpreter as on its compiler. METER.md beside this file has
// the cost table, the sequences and the reasons.
//
// # Host
//
// Before a call the host sets [FuelGlobal] to its budget and [DepthGlobal] to Config.MaxDepth.
// After the call, whether it has trapped or returned:
//
//	fuel < 0             exhausted (also where the last units were used up after the last check)
//	trapped, depth < 0   calls nested too deep
//	trapped, else        the guest's own trap
//
// The start function runs on Config.StartFuel. After a trap the instance should be discarded.
package meter
