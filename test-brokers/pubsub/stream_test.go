// Streams: what they say of their subscription, flow control, silence and their ends.

package main

import (
	"context"
	"sync"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
)

func (f *fixture) next(stream pb.Subscriber_StreamingPullClient) *pb.StreamingPullResponse {
	f.Helper()
	res, err := stream.Recv()
	if err != nil {
		f.Fatal(err)
	}
	return res
}

func TestAStreamTellsItsSubscriptionsPropertiesAndMindsFlowControl(t *testing.T) {
	f := newFixture(t, &pb.Subscription{EnableExactlyOnceDelivery: true, EnableMessageOrdering: true})
	f.send("", "a", "b", "c")
	stream := f.open(&pb.StreamingPullRequest{MaxOutstandingMessages: 2})
	res := f.next(stream)
	if len(res.ReceivedMessages) != 2 || !res.SubscriptionProperties.ExactlyOnceDeliveryEnabled ||
		!res.SubscriptionProperties.MessageOrderingEnabled {
		t.Fatalf("%v", res)
	}
	if err := stream.Send(&pb.StreamingPullRequest{AckIds: []string{res.ReceivedMessages[0].AckId}}); err != nil {
		t.Fatal(err)
	}
	if res := f.next(stream); len(res.ReceivedMessages) != 1 {
		t.Fatalf("%v", res)
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	f.until("its end", func() bool { return f.stats().Streams == 0 })
	// The leases outlive their stream.
	if counted := f.stats().Subscriptions[sub]; counted.Outstanding != 2 || counted.Acked != 1 {
		t.Errorf("%+v", counted)
	}
}

func TestAStreamWithTooShortADeadlineIsRefused(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	stream, err := f.receive.StreamingPull(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&pb.StreamingPullRequest{Subscription: sub, StreamAckDeadlineSeconds: 9}); err != nil {
		t.Fatal(err)
	}
	_, err = stream.Recv()
	f.expect(err, codes.InvalidArgument)
}

func TestStreamsEndOnDemandAndAfterTheirLifetime(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	stream := f.open(&pb.StreamingPullRequest{})
	if closed := f.control("close-streams", map[string]any{}); closed["closed"] != 1.0 {
		t.Errorf("%v", closed)
	}
	_, err := stream.Recv()
	f.expect(err, codes.Unavailable)

	f.control("stream-lifetime", map[string]any{"ms": 300})
	_, err = f.begin(&pb.StreamingPullRequest{}).Recv()
	f.expect(err, codes.Unavailable)
}

func TestGooglesClientOutlivesTheEndOfItsStream(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	ctx, stop := context.WithCancel(f.ctx)
	received := make(chan string, 1)
	var done sync.WaitGroup
	done.Go(func() {
		if err := f.google().Subscriber(sub).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
			m.Ack()
			received <- string(m.Data)
		}); err != nil {
			t.Error(err)
		}
	})
	f.send("", "a")
	first := <-received
	f.control("close-streams", map[string]any{})
	f.send("", "b")
	if second := <-received; first+second != "ab" {
		t.Errorf("%s, %s", first, second)
	}
	stop()
	done.Wait()
	if opened := f.stats().Calls["StreamingPull"]; opened < 2 {
		t.Errorf("%d streams", opened)
	}
}

func TestAMutedStreamDeliversNothingUntilItIsUnmuted(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	stream := f.open(&pb.StreamingPullRequest{ProtocolVersion: 1})
	f.control("mute", map[string]any{"muted": true})
	f.send("", "a")
	// A call takes the same way, and waits its time.
	res, err := f.receive.Pull(f.ctx, &pb.PullRequest{Subscription: sub, MaxMessages: 1})
	if err != nil || len(res.ReceivedMessages) > 0 {
		t.Fatalf("%v, %v", res, err)
	}
	if found := f.stats(); found.Streams != 1 || found.Subscriptions[sub].Delivered != 0 {
		t.Errorf("%+v", found)
	}
	f.control("mute", map[string]any{"muted": false})
	if res := f.next(stream); len(res.ReceivedMessages) != 1 {
		t.Errorf("%v", res)
	}
	// Now it gives a sign of life, too.
	if err := stream.Send(&pb.StreamingPullRequest{}); err != nil {
		t.Fatal(err)
	}
	if res := f.next(stream); len(res.ReceivedMessages) != 0 {
		t.Errorf("%v", res)
	}
}
