// Package conformance has the log's folder read, and its proofs checked, by programs that others
// wrote: Tessera's fsck, torchwood, golang.org/x/mod/sumdb/tlog and the witness server litewitness.
// It is a Go module of its own, so that the product depends on none of them but x/mod. Run it with
//
//	cd host/store/conformance && go test ./...
package conformance
