package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/becomingone/becomingone/host/client"
	"github.com/becomingone/becomingone/host/web"
	"github.com/becomingone/becomingone/mcp"
)

// followEvery is how often a joined node is asked for its actions.
const followEvery = 2 * time.Second

// Remote is a running node as an MCP server of another process sees it: `becomingone mcp` joins the
// node that already runs on the data folder.
type Remote struct {
	node  *client.Client
	tools atomic.Pointer[[]web.Tool]
}

// Join asks the node for its actions once.
func Join(ctx context.Context, node *client.Client) (*Remote, error) {
	r := &Remote{node: node}
	_, err := r.refresh(ctx)
	return r, err
}

// refresh asks for the actions and reports whether they have changed.
func (r *Remote) refresh(ctx context.Context) (bool, error) {
	tools, err := r.node.Tools(ctx)
	if err != nil {
		return false, fmt.Errorf("host: ask for actions: %w", err)
	}
	old := r.tools.Swap(&tools)
	return old == nil || !reflect.DeepEqual(*old, tools), nil
}

// Follow keeps the actions current until ctx ends, and calls changed after each change. A node that
// does not answer for a while keeps its last known actions; their calls then fail by themselves.
func (r *Remote) Follow(ctx context.Context, changed func()) error {
	t := time.NewTicker(followEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			if news, err := r.refresh(ctx); err == nil && news {
				changed()
			}
		}
	}
}

// Tools returns the node's actions as last heard.
func (r *Remote) Tools() []mcp.Tool { return mcpTools(*r.tools.Load()) }

// Call proposes a call to the node, in the client's own session.
func (r *Remote) Call(ctx context.Context, c mcp.Call) (mcp.Result, error) {
	out, err := r.node.Call(ctx, web.CallRequest{Action: c.Tool, Arguments: c.Arguments, Session: c.Session})
	var e *client.Error
	if errors.As(err, &e) {
		err = &web.Error{Code: web.Code(e.Code), Message: e.Message, Field: e.Field}
	}
	return mcpResult(out, err)
}

// Read reads a resource of the node.
func (r *Remote) Read(ctx context.Context, uri string) (json.RawMessage, error) {
	if index, ok := strings.CutPrefix(uri, mcp.WitnessPrefix); ok {
		i, err := strconv.ParseUint(index, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("host: witness index %q: want a number: %w", index, mcp.ErrNotFound)
		}
		entry, err := r.node.WitnessEntry(ctx, i)
		if client.NotFound(err) {
			return nil, fmt.Errorf("host: witness index %d: %w: %w", i, err, mcp.ErrNotFound)
		}
		return entry, err
	}
	if uri != mcp.CoherenceURI {
		return nil, fmt.Errorf("host: resource %q: %w", uri, mcp.ErrNotFound)
	}
	s, err := r.node.Status(ctx)
	if err != nil {
		return nil, err
	}
	return coherence(s)
}
