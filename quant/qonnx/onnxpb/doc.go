// Package onnxpb holds the protobuf messages of the ONNX interchange format,
// as far as a2qgen needs them. Regenerate with protoc 3.21 and protoc-gen-go
// 1.36.11.
package onnxpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative onnx.proto
