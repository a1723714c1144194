//go:build !linux

package process

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"github.com/hashicorp/go-plugin/runner"
)

// Elsewhere than on Linux nothing would end a process with its host, so none is started.

var errPlatform = fmt.Errorf("processes as plugins on %s: %w", runtime.GOOS, errors.ErrUnsupported)

func seal(string, []byte) (*os.File, error) { return nil, errPlatform }

func tryLock(*os.File) error { return errPlatform }

type starter struct{}

func newStarter() *starter { return &starter{} }
func (*starter) close()    {}

type child struct {
	runner.Runner
	printed *printer
	exited  chan struct{}
}

func (*Loader) newChild(string, *os.File, []string, string, int, *printer) (*child, error) {
	return nil, errPlatform
}

func (*child) dial(context.Context, string) (net.Conn, error) { return nil, errPlatform }
func (*child) kill()                                          {}
func (*child) terminate()                                     {}
func (*child) ending() string                                 { return "" }
