// Package exact computes elementary functions to the same bits on every machine.
//
// The functions of package math do not: some are assembly on some architectures, and Go may fuse x*y+z
// into one rounding on arm64, ppc64, s390x, riscv64 and amd64 at GOAMD64=v3. A recorded intake has to
// replay to identical outputs anywhere, so here every product that is added to something is rounded by an
// explicit conversion, float64(x*y) + z, which the language forbids to fuse, and so is every product that
// is named or returned: fusing reaches across statements and inlined calls. Division and square root are
// exactly rounded by IEEE 754 and need no care. Errors are below 1e-15, relative for Exp, Log and Abs,
// absolute for Sincos and Atan2.
package exact
