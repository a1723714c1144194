// Command demo runs the demonstration of package agent; `make demo-agent` builds what it needs.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/becomingone/becomingone/examples/agent"
)

func main() {
	program := flag.String("becomingone", "bin/becomingone", "the program")
	plugins := flag.String("plugins", "examples/agent/guests", "folder of the built desk plugin")
	flag.Parse()
	if err := agent.Run(context.Background(), agent.Options{Program: *program, Plugins: *plugins, Out: os.Stdout}); err != nil {
		fmt.Fprintln(os.Stderr, "demo-agent:", err)
		os.Exit(1)
	}
}
