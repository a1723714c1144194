package plugins

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/becomingone/becomingone/sdk/abi"
)

// open reads, checks and loads one plugin. Whatever goes wrong in it, a panic of the loader too,
// stays its own.
func (s *Set) open(ctx context.Context, e *entry) (p Plugin, offers []*offer, refused []string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("plugins: load %s: panic: %v", e.path, v)
		}
	}()
	loader := s.loaders[e.m.ABI]
	if loader == nil {
		err := &ManifestError{"abi", e.m.ABI, strings.Join(sortedKeys(s.loaders), " or ")}
		return nil, nil, nil, fmt.Errorf("plugins: load %s: %w", e.path, err)
	}
	code, err := e.read()
	if err != nil {
		return nil, nil, nil, fmt.Errorf("plugins: load %s: %w", e.path, err)
	}
	p, err = loader.Load(ctx, e.m, code)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("plugins: load %s: %w", e.path, err)
	}
	offers, refused, err = e.match(p)
	if err != nil {
		return nil, nil, nil, errors.Join(fmt.Errorf("plugins: load %s: %w", e.path, err), p.Close(ctx))
	}
	return p, offers, refused, nil
}

// Try loads a plugin, compares what it says it is with what its manifest grants, and closes it: what
// a Set does before it makes a plugin active. The digest is the caller's to check.
func Try(ctx context.Context, l Loader, m Manifest, code []byte) error {
	p, err := l.Load(ctx, m, code)
	if err != nil {
		return err
	}
	e := &entry{m: m}
	_, _, err = e.match(p)
	return errors.Join(err, p.Close(ctx))
}

// read returns the module if it is the one that the manifest pins.
func (e *entry) read() ([]byte, error) {
	if e.m.SHA256 == "" {
		return nil, &ManifestError{"sha256", "", "the digest of " + e.m.File}
	}
	code, err := readFile(e.found.folder, e.m.File, e.m.MaxFile())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(code)
	if got := hex.EncodeToString(sum[:]); got != e.m.SHA256 {
		return nil, &ManifestError{"sha256", e.m.SHA256, got + ", which " + e.m.File + " has"}
	}
	return code, nil
}

// match compares what the plugin says it is with what the manifest grants.
func (e *entry) match(p Plugin) (offers []*offer, refused []string, err error) {
	d := p.Description()
	if err := d.Validate(); err != nil {
		return nil, nil, err
	}
	for _, f := range []struct{ field, value, want string }{
		{"name", e.m.Name, d.Name}, {"version", e.m.Version, d.Version}, {"kind", e.m.Kind, d.Kind},
	} {
		if f.value != f.want {
			return nil, nil, &ManifestError{f.field, f.value, f.want + ", as the plugin describes itself"}
		}
	}
	for _, c := range d.Capabilities {
		if !slices.Contains(e.m.Capabilities, c) {
			return nil, nil, &ManifestError{"capabilities", strings.Join(e.m.Capabilities, ","), "also " + short(c) + ", which the plugin needs"}
		}
	}
	described := make(map[string]bool, len(d.Actions))
	for i := range d.Actions {
		a := &d.Actions[i]
		described[a.Name] = true
		grant, ok := e.m.Actions[a.Name]
		if !ok {
			refused = append(refused, a.Name)
			continue
		}
		o, err := e.offer(a, grant)
		if err != nil {
			return nil, nil, fmt.Errorf("action %s: %w", a.Name, err)
		}
		offers = append(offers, o)
	}
	for _, name := range sortedKeys(e.m.Actions) {
		if !described[name] {
			return nil, nil, &ManifestError{"actions", name, "an action that the plugin offers"}
		}
	}
	return offers, refused, nil
}

func (e *entry) offer(a *abi.Action, g Grant) (*offer, error) {
	o := &offer{entry: e, action: Action{
		Name: a.Name, Plugin: e.m.Name, Version: e.m.Version, Digest: e.m.SHA256,
		Title: a.Title, Description: a.Description,
		InputSchema: json.RawMessage(a.InputSchema), OutputSchema: json.RawMessage(a.OutputSchema),
		Annotations: a.Annotations, Effect: g.Effect, Requires: g.Requires, Trigger: g.Trigger,
	}}
	if g.Description != "" {
		o.action.Description = g.Description
	}
	if len(a.InputSchema) == 0 {
		o.action.InputSchema = json.RawMessage(`{"type":"object"}`)
	}
	var err error
	if o.in, err = newSchema(a.InputSchema); err != nil {
		return nil, fmt.Errorf("input_schema: %w", err)
	}
	if o.out, err = newSchema(a.OutputSchema); err != nil {
		return nil, fmt.Errorf("output_schema: %w", err)
	}
	if len(g.Trigger.Collapse) > 0 {
		if err := o.in.check(arguments(abi.Raw(g.Trigger.Arguments))); err != nil {
			return nil, fmt.Errorf("trigger.arguments: %w", err)
		}
	}
	return o, nil
}

// arguments is what a call without any means.
func arguments(given abi.Raw) abi.Raw {
	if len(given) == 0 || string(given) == "null" {
		return abi.Raw("{}")
	}
	return given
}
