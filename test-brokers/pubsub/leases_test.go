// Expiry, stale ack ids, order, and what is counted and cleared.

package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func TestAStaleAckOnAPlainSubscriptionIsTakenAndIgnored(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	f.send("", "a")
	first := f.pull()
	f.control("expire", map[string]any{"subscription": sub})
	f.expect(f.ack(first.AckId), codes.OK)
	_, err := f.receive.ModifyAckDeadline(f.ctx, &pb.ModifyAckDeadlineRequest{
		Subscription: sub, AckIds: []string{first.AckId}, AckDeadlineSeconds: 10,
	})
	f.expect(err, codes.OK)

	second := f.pull()
	if second.AckId == first.AckId || second.Message.MessageId != first.Message.MessageId {
		t.Fatalf("%v after %v", second, first)
	}
	f.expect(f.ack(first.AckId), codes.OK)
	counted := f.stats().Subscriptions[sub]
	wanted := counts{Published: 1, Delivered: 2, Redelivered: 1, Expired: 1, LateAcks: 2, LateExtensions: 1}
	if counted.counts != wanted || counted.Outstanding != 1 {
		t.Errorf("%+v", counted)
	}
	f.expect(f.ack(second.AckId), codes.OK)
	// A client that did not see the answer says so again; that is not late.
	f.expect(f.ack(second.AckId), codes.OK)
	counted = f.stats().Subscriptions[sub]
	if counted.Acked != 1 || counted.LateAcks != 2 || counted.Outstanding != 0 {
		t.Errorf("%+v", counted)
	}
}

func TestAStaleAckWithExactlyOnceDeliveryFailsByItsID(t *testing.T) {
	f := newFixture(t, &pb.Subscription{EnableExactlyOnceDelivery: true})
	f.send("", "a", "b")
	a, b := f.pull(), f.pull()
	f.control("expire", map[string]any{})
	again := f.pull()
	err := f.ack(a.AckId, again.AckId)
	f.expect(err, codes.InvalidArgument)
	info := status.Convert(err).Details()[0].(*errdetails.ErrorInfo)
	if len(info.Metadata) != 1 || info.Metadata[a.AckId] != invalidAckID {
		t.Errorf("%v", info)
	}
	// What was good of the same call is done.
	if acked := f.stats().Subscriptions[sub].Acked; acked != 1 {
		t.Errorf("%d acked", acked)
	}
	f.expect(f.ack(b.AckId), codes.InvalidArgument)
}

func TestGooglesClientSeesExactlyOnceFailures(t *testing.T) {
	f := newFixture(t, &pb.Subscription{EnableExactlyOnceDelivery: true})
	f.control("fail-acks", map[string]any{"subscription": sub, "count": 1, "failure": invalidAckID})
	f.control("fail-acks", map[string]any{"subscription": sub, "count": 1, "failure": "TRANSIENT_FAILURE_OTHER"})
	f.send("", "a")
	ctx, stop := context.WithCancel(f.ctx)
	var seen []pubsub.AcknowledgeStatus
	err := f.google().Subscriber(sub).Receive(ctx, func(_ context.Context, m *pubsub.Message) {
		status, _ := m.AckWithResult().Get(f.ctx)
		seen = append(seen, status)
		if status == pubsub.AcknowledgeStatusSuccess {
			stop()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	// It fails for good and is delivered again; then it fails once, and the client acknowledges again by itself.
	wanted := []pubsub.AcknowledgeStatus{pubsub.AcknowledgeStatusInvalidAckID, pubsub.AcknowledgeStatusSuccess}
	if fmt.Sprint(seen) != fmt.Sprint(wanted) {
		t.Errorf("%v", seen)
	}
}

func TestOrderIsKeptThroughAnExpiryAndANack(t *testing.T) {
	f := newFixture(t, &pb.Subscription{EnableMessageOrdering: true})
	f.send("key", "a", "b", "c")
	f.pull()
	f.control("expire", map[string]any{"subscription": sub})
	second := f.pull()
	_, err := f.receive.ModifyAckDeadline(f.ctx, &pb.ModifyAckDeadlineRequest{
		Subscription: sub, AckIds: []string{second.AckId},
	})
	f.expect(err, codes.OK)
	got := ""
	for range 3 {
		m := f.pull()
		got += string(m.Message.Data)
		f.expect(f.ack(m.AckId), codes.OK)
	}
	if got != "abc" {
		t.Errorf("%s", got)
	}
	counted := f.stats().Subscriptions[sub]
	if counted.Nacked != 1 || counted.Expired != 1 || counted.Redelivered != 2 {
		t.Errorf("%+v", counted)
	}
}

func TestALeaseEndsInTimeUnlessItIsExtended(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	f.send("", "a", "b")
	for _, m := range []*pb.ReceivedMessage{f.pull(), f.pull()} {
		seconds := int32(1)
		if string(m.Message.Data) == "b" {
			seconds = 600
		}
		_, err := f.receive.ModifyAckDeadline(f.ctx, &pb.ModifyAckDeadlineRequest{
			Subscription: sub, AckIds: []string{m.AckId}, AckDeadlineSeconds: seconds,
		})
		f.expect(err, codes.OK)
	}
	if again := f.pull(); string(again.Message.Data) != "a" {
		t.Errorf("%v", again)
	}
	if counted := f.stats().Subscriptions[sub]; counted.Expired != 1 || counted.Outstanding != 2 {
		t.Errorf("%+v", counted)
	}
}

func TestWhatIsAcknowledgedEverywhereCanBeForgotten(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	f.control("publish", map[string]any{"topic": topic, "messages": []map[string]any{
		{"data": []byte("a")}, {"data": []byte("b"), "attributes": map[string]string{"k": "v"}},
	}})
	m := f.pull()
	f.expect(f.ack(m.AckId), codes.OK)
	f.control("clear", map[string]any{"topic": topic})
	var left []entry
	f.get("messages?data=false&topic="+topic, &left)
	if len(left) != 1 || left[0].ID == m.Message.MessageId || left[0].Data != nil ||
		time.Since(left[0].PublishTime) > time.Minute {
		t.Errorf("%+v", left)
	}
	other := f.pull()
	f.control("clear", map[string]any{})
	f.get("messages?topic="+topic, &left)
	if counted := f.stats().Subscriptions[sub]; len(left) != 0 || counted.counts != (counts{}) || counted.Outstanding != 0 {
		t.Errorf("%v, %+v", left, counted)
	}
	f.expect(f.ack(other.AckId), codes.OK)
}
