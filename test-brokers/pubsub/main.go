// Google Pub/Sub for tests: Google's own in-memory server, pstest, with what the real service does and it does not, and
// with faults on demand.
//
// It serves gRPC and the control server on 127.0.0.1, and says where in one line of JSON on stdout.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

func main() {
	port := flag.Int("port", 0, "where gRPC is served; 0 is a port that is free")
	flag.Parse()
	// Nothing here writes to it but pstest, to say that it was closed.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	server, err := start(ctx, *port)
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(server)
	}
	if err == nil {
		err = server.wait(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// server is what listens. Its ports are what main prints.
type server struct {
	GRPC    int `json:"grpc"`
	Control int `json:"control"`

	control *control
	failed  chan error
}

// start serves until ctx ends.
func start(ctx context.Context, port int) (*server, error) {
	clients, err := listen(port)
	if err != nil {
		return nil, err
	}
	harness, err := listen(0)
	if err != nil {
		return nil, err
	}
	control := &control{
		service:  newService(ctx),
		gate:     newGate(),
		tokenURI: fmt.Sprintf("http://%s/token", harness.Addr()),
	}
	grpcServer := grpc.NewServer(
		grpc.MaxRecvMsgSize(maxReceived),
		grpc.MaxSendMsgSize(maxReceived),
		// A client may look for a connection that has died more often than every five minutes.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.UnaryInterceptor(control.gate.unary),
		grpc.StreamInterceptor(control.gate.stream),
	)
	pb.RegisterPublisherServer(grpcServer, control.service)
	pb.RegisterSubscriberServer(grpcServer, control.service)
	pb.RegisterSchemaServiceServer(grpcServer, control.service)
	self, err := grpc.NewClient(clients.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	restServer := &http.Server{Handler: newRest(self, control.gate.credentials.clock)}
	controlServer := &http.Server{Handler: control.handler()}
	context.AfterFunc(ctx, func() {
		grpcServer.Stop()
		restServer.Close()
		controlServer.Close()
	})

	grpcClients, restClients := split(clients)
	failed := make(chan error, 3)
	go func() { failed <- grpcServer.Serve(grpcClients) }()
	go func() { failed <- restServer.Serve(restClients) }()
	go func() { failed <- controlServer.Serve(harness) }()
	return &server{
		GRPC:    clients.Addr().(*net.TCPAddr).Port,
		Control: harness.Addr().(*net.TCPAddr).Port,
		control: control,
		failed:  failed,
	}, nil
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
}

// wait returns when ctx has ended or one of the two no longer serves.
func (s *server) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}
}
