// One port for two protocols, as the real service has it: what begins a connection tells gRPC from HTTP/1.

package main

import (
	"bufio"
	"errors"
	"net"
	"time"

	"golang.org/x/net/http2"
)

// How long a connection may take to say what it is.
const hello = 10 * time.Second

// split gives each connection of a listener to one of two: those that begin as HTTP/2 to the first.
func split(l net.Listener) (grpc, rest net.Listener) {
	two, one := newBranch(l), newBranch(l)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				two.fail(err)
				one.fail(err)
				return
			}
			go sort(conn, two, one)
		}
	}()
	return two, one
}

func sort(conn net.Conn, two, one *branch) {
	reader := bufio.NewReader(conn)
	conn.SetReadDeadline(time.Now().Add(hello))
	// "PRI" is no method of HTTP/1.
	start, err := reader.Peek(len("PRI"))
	conn.SetReadDeadline(time.Time{})
	if err != nil {
		conn.Close()
		return
	}
	to := one
	if string(start) == http2.ClientPreface[:len(start)] {
		to = two
	}
	select {
	case to.conns <- peeked{conn, reader}:
	case <-to.failed:
		conn.Close()
	}
}

// branch is a listener that is given its connections.
type branch struct {
	net.Listener
	conns  chan net.Conn
	failed chan struct{}
	err    error
}

func newBranch(l net.Listener) *branch {
	return &branch{Listener: l, conns: make(chan net.Conn), failed: make(chan struct{}), err: errors.New("closed")}
}

func (b *branch) fail(err error) {
	b.err = err
	close(b.failed)
}

func (b *branch) Accept() (net.Conn, error) {
	select {
	case conn := <-b.conns:
		return conn, nil
	case <-b.failed:
		return nil, b.err
	}
}

// peeked is a connection of which something was read already.
type peeked struct {
	net.Conn
	reader *bufio.Reader
}

func (p peeked) Read(b []byte) (int, error) { return p.reader.Read(b) }
