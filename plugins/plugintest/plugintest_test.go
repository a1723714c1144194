package plugintest_test

import (
	"testing"

	"github.com/becomingone/becomingone/plugins/plugintest"
)

func TestExamples(t *testing.T) {
	for _, name := range []string{"sense-c", "hello-c", "hello-rust", "hello-as"} {
		t.Run(name, func(t *testing.T) {
			plugintest.Run(t, "../../examples/plugins/"+name+"/plugin.yaml", plugintest.Config{})
		})
	}
}
