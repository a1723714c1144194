package plugins_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"testing/fstest"

	"github.com/becomingone/becomingone/plugins"
	"github.com/becomingone/becomingone/sdk"
	"github.com/becomingone/becomingone/sdk/abi"
)

// fake is a loader whose plugins are native: the module's bytes are the name of one.
type fake map[string]*native

type native struct {
	*sdk.Plugin
	hold   chan struct{} // if set, each call waits for it
	answer []byte        // if set, the answer to everything but describe
	closed atomic.Int32
}

func (f fake) Load(_ context.Context, _ plugins.Manifest, code []byte) (plugins.Plugin, error) {
	p := f[string(code)]
	if p == nil {
		return nil, fmt.Errorf("fake: load %q: no such plugin", code)
	}
	if p.Plugin == nil {
		panic("a loader that panics")
	}
	return p, nil
}

func (p *native) Description() abi.Description { return p.Describe() }

func (p *native) Call(_ context.Context, c plugins.Call, dst []byte) ([]byte, error) {
	if p.hold != nil {
		<-p.hold
	}
	if p.answer != nil {
		return append(dst, p.answer...), nil
	}
	return p.Plugin.Call(c.Op, c.In, dst), nil
}

func (p *native) Close(context.Context) error { p.closed.Add(1); return nil }

// folder has one manifest and one module for each name; edit may change a manifest.
func folder(manifests map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, rest := range manifests {
		sum := sha256.Sum256([]byte(name))
		text := fmt.Sprintf("name: %s\nversion: '1'\nabi: bo1\nfile: %s.wasm\nsha256: %s\n%s", name, name, hex.EncodeToString(sum[:]), rest)
		fsys[name+"/plugin.yaml"] = &fstest.MapFile{Data: []byte(text)}
		fsys[name+"/"+name+".wasm"] = &fstest.MapFile{Data: []byte(name)}
	}
	return fsys
}

// speaker is an action plugin with one action, whose schemas are strict.
func speaker(name, action string) *native {
	return &native{Plugin: &sdk.Plugin{Name: name, Version: "1", Actions: []sdk.Action{{
		Action: abi.Action{
			Name: action, Description: "own",
			InputSchema:  abi.Raw(`{"type":"object","properties":{"volume":{"type":"integer","minimum":0,"maximum":10},"to":{"type":"array","items":{"type":"string"}}},"required":["volume"],"additionalProperties":false}`),
			OutputSchema: abi.Raw(`{"type":"object","properties":{"volume":{"type":"integer","maximum":5}},"required":["volume"]}`),
		},
		Do: func(in *abi.ActInput) (abi.ActOutput, error) { return sdk.Text("done", in.Arguments), nil },
	}}}}
}
