// What every call passes before the service sees it: the count of calls, credentials, what is denied, and faults.

package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// gate knows methods by their bare names, such as Publish.
type gate struct {
	mu          sync.Mutex
	calls       map[string]int
	denied      []string
	faults      []*fault
	credentials *credentials
}

// fault is what happens to the next count calls of a method.
type fault struct {
	Method string `json:"method"`
	// OK where the call is only delayed.
	Code    code   `json:"code"`
	Count   int    `json:"count"`
	Message string `json:"message"`
	DelayMs int    `json:"delay_ms"`
	// The service does what is asked, and the answer is lost. A stream fails as it opens in either case.
	After bool `json:"after"`
}

// code is written as in gRPC's documents, such as UNAVAILABLE.
type code struct{ codes.Code }

func newGate() *gate {
	return &gate{calls: map[string]int{}, credentials: newCredentials()}
}

func (g *gate) unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	fault, err := g.admit(ctx, info.FullMethod)
	if err != nil {
		return nil, err
	}
	if fault.Code.Code == codes.OK || fault.After {
		res, err := next(ctx, req)
		if err != nil || fault.Code.Code == codes.OK {
			return res, err
		}
	}
	return nil, fault.status()
}

func (g *gate) stream(srv any, server grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	fault, err := g.admit(server.Context(), info.FullMethod)
	if err != nil {
		return err
	}
	if fault.Code.Code != codes.OK {
		return fault.status()
	}
	return next(srv, server)
}

// admit fails what is not let in, after the delay of a fault where there is one, and otherwise gives the fault.
func (g *gate) admit(ctx context.Context, fullMethod string) (fault, error) {
	method := path.Base(fullMethod)
	found, err := g.enter(ctx, method)
	if err != nil || found.DelayMs == 0 {
		return found, err
	}
	select {
	case <-ctx.Done():
		return fault{}, status.FromContextError(ctx.Err()).Err()
	case <-time.After(time.Duration(found.DelayMs) * time.Millisecond):
		return found, nil
	}
}

func (g *gate) enter(ctx context.Context, method string) (fault, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls[method]++
	if err := g.credentials.check(ctx); err != nil {
		return fault{}, err
	}
	if slices.Contains(g.denied, method) {
		return fault{}, status.Error(codes.PermissionDenied, "User not authorized to perform this action.")
	}
	for _, f := range g.faults {
		if f.Method == method && f.Count > 0 {
			f.Count--
			return *f, nil
		}
	}
	return fault{}, nil
}

func (f fault) status() error {
	text := f.Message
	if text == "" {
		text = "The service was unable to fulfill your request. Please try again."
	}
	return status.Error(f.Code.Code, text)
}

// UnmarshalJSON takes the names that gRPC's own takes, and none for OK.
func (c *code) UnmarshalJSON(text []byte) error {
	if string(text) == `""` {
		c.Code = codes.OK
		return nil
	}
	if err := c.Code.UnmarshalJSON(text); err != nil {
		return fmt.Errorf("code %s: take a name such as \"UNAVAILABLE\"", text)
	}
	return nil
}
