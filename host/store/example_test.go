package store_test

import (
	"context"
	"fmt"
	"os"

	"github.com/becomingone/becomingone/host/store"
	"github.com/becomingone/becomingone/kernel/witness"
)

// exampleLog opens and runs a log in a folder of its own.
func exampleLog() (l *store.Log, dir string, end func()) {
	dir, err := os.MkdirTemp("", "store-example")
	if err != nil {
		panic(err)
	}
	l, err = store.Open(dir, store.Config{})
	if err != nil {
		panic(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- l.Run(context.Background()) }()
	return l, dir, func() {
		fmt.Println(l.Close(), <-ran, os.RemoveAll(dir))
	}
}

func hello(at int64) []witness.Record {
	return []witness.Record{{Level: witness.Macro, Type: witness.Text, At: at, Payload: []byte("hello")}}
}

func ExampleOpen() {
	l, _, end := exampleLog()
	defer end()
	ctx := context.Background()
	first, err := l.Append(ctx, hello(1))
	fmt.Println(first, err)
	e, err := l.Entry(ctx, first)
	fmt.Println(e.Leaf.Type, string(e.Payload), err)
	// Output:
	// 0 <nil>
	// text hello <nil>
	// <nil> <nil> <nil>
}

func ExampleLog_Enqueue() {
	l, _, end := exampleLog()
	defer end()
	a, _ := l.Enqueue(hello(1))
	b, _ := l.Enqueue(hello(2))
	first, err := b.Wait(context.Background())
	fmt.Println(a.First(), first, err)
	// Output:
	// 0 1 <nil>
	// <nil> <nil> <nil>
}

func ExampleLog_Erase() {
	l, dir, end := exampleLog()
	defer end()
	ctx := context.Background()
	i, _ := l.Append(ctx, hello(1))
	fmt.Println(l.Erase(ctx, i))
	for e := range l.Entries(ctx, 0) {
		fmt.Println(e.Leaf.Sequence, e.Leaf.Type, e.Erased)
	}
	r, err := store.Verify(ctx, dir)
	fmt.Println(r.Entries, r.Erased, err)
	// Output:
	// <nil>
	// 0 text true
	// 1 erased false
	// 2 1 <nil>
	// <nil> <nil> <nil>
}

func ExampleVerifyProof() {
	l, _, end := exampleLog()
	defer end()
	ctx := context.Background()
	i, _ := l.Append(ctx, hello(7))
	proof, _ := l.Prove(ctx, i)
	text, _ := proof.MarshalText()

	var p store.Proof // elsewhere, with nothing but the text and the log's public key
	err := p.UnmarshalText(text)
	leaf, cp, verr := store.VerifyProof(l.VerifierKey(), p)
	fmt.Println(leaf.At, leaf.Type, cp.Size, err, verr)
	// Output:
	// 7 text 1 <nil> <nil>
	// <nil> <nil> <nil>
}

func ExampleOpenReader() {
	l, dir, end := exampleLog()
	defer end()
	ctx := context.Background()
	_, _ = l.Append(ctx, hello(1))
	r, err := store.OpenReader(dir) // beside the running writer
	if err != nil {
		panic(err)
	}
	e, err := r.Entry(ctx, 0)
	fmt.Println(r.Size(), string(e.Payload), err)
	// Output:
	// 1 hello <nil>
	// <nil> <nil> <nil>
}

func ExampleLog_SeekTime() {
	l, _, end := exampleLog()
	defer end()
	ctx := context.Background()
	for _, at := range []int64{10, 20, 30, 40} {
		_, _ = l.Append(ctx, hello(at))
	}
	from, err := l.SeekTime(15) // from 15 up to 35
	fmt.Println(from, err)
	for e, err := range l.Entries(ctx, from) {
		if err != nil || e.Leaf.At >= 35 {
			break
		}
		fmt.Println(e.Leaf.At)
	}
	behind, err := l.SeekTime(25 + 1) // the newest that is not later than 25
	fmt.Println(behind-1, err)
	// Output:
	// 1 <nil>
	// 20
	// 30
	// 1 <nil>
	// <nil> <nil> <nil>
}
