// Command becomingone is a gate between an agent and its actions.
package main

import (
	"os"

	"github.com/becomingone/becomingone/host/cli"
)

// version is set by the Makefile.
var version = "devel"

func main() { os.Exit(cli.Main(version, os.Args[1:])) }
