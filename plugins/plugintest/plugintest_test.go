package plugintest_test

import (
	"testing"

	"github.com/becomingone/becomingone/plugins/plugintest"
)

func TestHelloC(t *testing.T) {
	plugintest.Run(t, "../../examples/plugins/hello-c/plugin.yaml", plugintest.Config{})
}
