package phasor_test

import (
	"fmt"
	"math"
	"strings"

	"github.com/becomingone/becomingone/kernel/phasor"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

var key = []byte("the node's own secret")

// How much of what the user said occurs in a record that a tool returned, each word weighted by how rare
// it is.
func ExampleEncoder_Weigh() {
	book := must(phasor.New(phasor.Config{Key: key}))
	reader := must(book.Encoder(1))
	docs := map[string]uint64{"the": 90, "of": 80, "for": 70}
	idf := func(word string) float64 { return phasor.IDF(100, docs[word]) }

	master := book.Bundle()
	said := phasor.AppendWords(nil, strings.ToLower("Pay the bill of December."))
	if err := reader.Absorb(master, said, idf); err != nil {
		panic(err)
	}
	view := master.View(nil)
	for _, record := range []string{"bill for december amount 98 70", "newsletter of the travel club"} {
		held := 0.0
		for _, w := range must(reader.Weigh(nil, view, strings.Fields(record))) {
			if w > 3*view.Noise() {
				held += w
			}
		}
		fmt.Printf("%.1f of it in %q\n", held/view.Mass(), record)
	}
	// Output:
	// 0.6 of it in "bill for december amount 98 70"
	// 0.1 of it in "newsletter of the travel club"
}

func ExampleBundle_Advance() {
	book := must(phasor.New(phasor.Config{Key: key}))
	b := book.Bundle()
	if err := b.Add(book.Atom("yesterday"), 1); err != nil {
		panic(err)
	}
	for range 3 {
		b.Advance(b.Age() + phasor.HalfLife)
	}
	fmt.Printf("%.3f\n", b.View(nil).Weight(book.Atom("yesterday")))
	// Output: 0.125
}

func ExampleBundle_Merge() {
	book := must(phasor.New(phasor.Config{Key: key}))
	here, there := book.Bundle(), book.Bundle()
	if err := there.Add(book.Atom("far"), 2); err != nil {
		panic(err)
	}
	var arrived phasor.Bundle
	if err := arrived.UnmarshalBinary(must(there.AppendBinary(nil))); err != nil {
		panic(err)
	}
	fmt.Println(here.Merge(&arrived), here.View(nil).Mass())
	// Output: <nil> 2
}

func ExampleBind() {
	book := must(phasor.New(phasor.Config{Key: key}))
	colour, red := book.Atom("colour"), book.Atom("red")
	pair := phasor.Bind(nil, colour, red)
	fmt.Printf("%.0f\n", phasor.Similarity(phasor.Unbind(nil, pair, colour), red))
	fmt.Println(math.Abs(real(phasor.Similarity(pair, red))) < 0.1)
	// Output:
	// (1+0i)
	// true
}

func ExamplePermute() {
	fmt.Println(phasor.Permute(nil, phasor.Vector{1, 2, 3, 4}, 1))
	// Output: [4 1 2 3]
}

func ExampleEncoder_AddCall() {
	book := must(phasor.New(phasor.Config{Key: key}))
	writer := must(book.Encoder(1))
	seen := book.Bundle()
	call := phasor.Call{Tool: "send", Args: []phasor.Arg{{Name: "to", Value: "bob"}}, Outcome: "done"}
	if err := writer.AddCall(seen, call, 1); err != nil {
		panic(err)
	}
	view := seen.View(nil)
	for _, who := range []string{"bob", "eve"} {
		fmt.Println(who, view.Weight(book.Bound(nil, phasor.ArgValue, "to", who)) > 0.5)
	}
	// Output:
	// bob true
	// eve false
}

func ExampleCodebook_Axis() {
	book := must(phasor.New(phasor.Config{Key: key, Dims: 16384}))
	amount := must(book.Axis("amount", 10))
	a, b := must(amount.Vector(nil, 100)), must(amount.Vector(nil, 110))
	fmt.Printf("%.1f, expected %.1f\n", real(phasor.Similarity(a, b)), math.Exp(-0.5))
	// Output: 0.6, expected 0.6
}

func ExampleCodebook_Features() {
	book := must(phasor.New(phasor.Config{Key: key, Dims: 16384}))
	f := must(book.Features("embedding", 2, 4))
	x, y := must(f.Vector(nil, []float32{1, 0})), must(f.Vector(nil, []float32{0.8, 0.6}))
	fmt.Printf("%.2f\n", real(phasor.Similarity(x, y)))
	fmt.Printf("|s|² passes 0.95 at cos %.4f\n", phasor.GateCos(0.95, 4))
	// Output:
	// 0.45
	// |s|² passes 0.95 at cos 0.9936
}

func ExampleDimsPerItem() {
	fmt.Printf("%.0f items\n", math.Floor(4096/must(phasor.DimsPerItem(1e-6))))
	// Output: 90 items
}

func ExampleDimsFor() {
	fmt.Println(must(phasor.DimsFor(0.1, 1e-6)))
	// Output: 1379
}
