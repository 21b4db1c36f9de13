// How the tests start a server, reach it, and wait.

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

const (
	topic = "projects/p/topics/t"
	sub   = "projects/p/subscriptions/s"
)

// No test takes longer, on a machine that is four times slower than one should be.
const patience = 10 * time.Minute

// fixture is a server with a topic and a subscription, and clients of it.
type fixture struct {
	*testing.T
	ctx     context.Context
	server  *server
	conn    *grpc.ClientConn
	publish pb.PublisherClient
	receive pb.SubscriberClient
}

func newFixture(t *testing.T, wanted *pb.Subscription) *fixture {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	server, err := start(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(
		fmt.Sprintf("127.0.0.1:%d", server.GRPC),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxReceived)),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	f := &fixture{t, ctx, server, conn, pb.NewPublisherClient(conn), pb.NewSubscriberClient(conn)}
	f.control("topics", map[string]any{"name": topic})
	wanted.Name, wanted.Topic = sub, topic
	if _, err := f.receive.CreateSubscription(ctx, wanted); err != nil {
		t.Fatal(err)
	}
	return f
}

// google is Google's own client.
func (f *fixture) google() *pubsub.Client {
	f.Helper()
	client, err := pubsub.NewClient(f.ctx, "p", option.WithGRPCConn(f.conn))
	if err != nil {
		f.Fatal(err)
	}
	return client
}

// control calls a verb that must succeed.
func (f *fixture) control(verb string, question any) map[string]any {
	f.Helper()
	body, err := json.Marshal(question)
	if err != nil {
		f.Fatal(err)
	}
	url := fmt.Sprintf("http://127.0.0.1:%d/%s", f.server.Control, verb)
	res, err := http.Post(url, "application/json", bytes.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	defer res.Body.Close()
	var found map[string]any
	if err := json.NewDecoder(res.Body).Decode(&found); err != nil || res.StatusCode != http.StatusOK {
		f.Fatalf("%s: %s, %v, %v", verb, res.Status, found, err)
	}
	return found
}

// get reads JSON into found.
func (f *fixture) get(path string, found any) {
	f.Helper()
	res, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/%s", f.server.Control, path))
	if err != nil {
		f.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(found); err != nil {
		f.Fatal(err)
	}
}

type stats struct {
	Calls         map[string]int
	Streams       int
	Subscriptions map[string]struct {
		counts
		Outstanding int
		Streams     int
	}
}

func (f *fixture) stats() stats {
	f.Helper()
	var found stats
	f.get("stats", &found)
	return found
}

func (f *fixture) send(key string, texts ...string) {
	f.Helper()
	var messages []*pb.PubsubMessage
	for _, text := range texts {
		messages = append(messages, &pb.PubsubMessage{Data: []byte(text), OrderingKey: key})
	}
	if _, err := f.publish.Publish(f.ctx, &pb.PublishRequest{Topic: topic, Messages: messages}); err != nil {
		f.Fatal(err)
	}
}

// pull waits for one message.
func (f *fixture) pull() *pb.ReceivedMessage {
	f.Helper()
	for {
		res, err := f.receive.Pull(f.ctx, &pb.PullRequest{Subscription: sub, MaxMessages: 1})
		if err != nil {
			f.Fatal(err)
		}
		if len(res.ReceivedMessages) > 0 {
			return res.ReceivedMessages[0]
		}
	}
}

func (f *fixture) ack(ids ...string) error {
	_, err := f.receive.Acknowledge(f.ctx, &pb.AcknowledgeRequest{Subscription: sub, AckIds: ids})
	return err
}

// open opens a stream, and returns when the server has it.
func (f *fixture) open(first *pb.StreamingPullRequest) pb.Subscriber_StreamingPullClient {
	f.Helper()
	stream := f.begin(first)
	f.until("the stream", func() bool { return f.stats().Streams == 1 })
	return stream
}

// begin opens a stream that may end before the server is asked for it.
func (f *fixture) begin(first *pb.StreamingPullRequest) pb.Subscriber_StreamingPullClient {
	f.Helper()
	stream, err := f.receive.StreamingPull(f.ctx)
	if err != nil {
		f.Fatal(err)
	}
	first.Subscription, first.StreamAckDeadlineSeconds = sub, 10
	if err := stream.Send(first); err != nil {
		f.Fatal(err)
	}
	return stream
}

func (f *fixture) until(what string, holds func() bool) {
	f.Helper()
	for !holds() {
		if f.ctx.Err() != nil {
			f.Fatalf("%s does not come", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (f *fixture) expect(err error, wanted codes.Code) {
	f.Helper()
	if got := status.Code(err); got != wanted {
		f.Fatalf("%v instead of %v: %v", got, wanted, err)
	}
}
