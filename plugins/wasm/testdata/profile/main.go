// Command profile is a test guest: it uses all that a Go program may expect of its runtime, and
// tells what it found.
package main

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

func main() {
	sdk.Serve(&sdk.Plugin{Name: "raw", Version: "1", Actions: []sdk.Action{
		{Action: abi.Action{Name: "world"}, Do: world},
		{Action: abi.Action{Name: "panic"}, Do: func(*abi.ActInput) (abi.ActOutput, error) { panic("out of tune") }},
		{Action: abi.Action{Name: "exit"}, Do: func(*abi.ActInput) (abi.ActOutput, error) { os.Exit(3); return abi.ActOutput{}, nil }},
		{Action: abi.Action{Name: "spin"}, Do: func(*abi.ActInput) (abi.ActOutput, error) {
			for {
			}
		}},
		{Action: abi.Action{Name: "hoard"}, Do: hoard},
	}})
}

// found is what the sandbox showed.
type found struct {
	Now     int64  `json:"now"`
	Slept   bool   `json:"slept"`
	Random  string `json:"random"`
	Args    int    `json:"args"`
	Environ int    `json:"environ"`
	Async   int    `json:"async"`
}

func world(*abi.ActInput) (abi.ActOutput, error) {
	before := time.Now()
	fmt.Fprintln(os.Stderr, "seen at", before.Unix())
	var b [8]byte
	if _, err := rand.Read(b[:]); err != nil {
		return abi.ActOutput{}, err
	}
	time.Sleep(time.Hour)
	c := make(chan int)
	go func() { c <- 42 }()
	out, err := json.Marshal(found{
		Now: before.Unix(), Slept: time.Since(before) >= time.Hour, Random: fmt.Sprintf("%x", b),
		Args: len(os.Args), Environ: len(os.Environ()), Async: <-c,
	})
	return abi.ActOutput{Structured: out}, err
}

func hoard(*abi.ActInput) (abi.ActOutput, error) {
	var all [][]byte
	for {
		all = append(all, make([]byte, 1<<20))
	}
}
