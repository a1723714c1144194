//go:build !wasip1

package sdk

import (
	"os"

	"github.com/becomingone/becomingone/sdk/abi"
)

// Serve makes p the plugin of this program; main calls it once. In a native build it prints p's
// description and leaves: the sandbox is the host's, and tests use Plugin.Call.
func Serve(p *Plugin) {
	answer := p.Call(abi.OpDescribe, nil, nil)
	if _, err := abi.Answer(answer); err != nil {
		os.Stderr.WriteString("sdk: describe " + p.Name + ": " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.Write(append(answer[1:], '\n'))
}
