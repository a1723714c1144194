// Package proto is the plugin ABI bo1 over gRPC, generated from bo1.proto.
//
// The generators are of the module proxy, the compiler is Debian's protobuf-compiler:
//
//	GOBIN=/tmp/pb go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12
//	GOBIN=/tmp/pb go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.0
//	PATH=/tmp/pb:$PATH go generate ./plugins/process/proto
package proto

//go:generate protoc --go_out=paths=source_relative:. --go-grpc_out=paths=source_relative:. bo1.proto
