// Messages of one ordering key.

package main

import (
	"slices"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// receive reads so many messages off a stream: their texts, and their ack ids.
func (f *fixture) received(stream pb.Subscriber_StreamingPullClient, count int) (texts, ids []string) {
	f.Helper()
	for len(ids) < count {
		res, err := stream.Recv()
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range res.ReceivedMessages {
			texts, ids = append(texts, string(m.Message.Data)), append(ids, m.AckId)
		}
	}
	return texts, ids
}

func (f *fixture) nack(id string) {
	f.Helper()
	req := &pb.ModifyAckDeadlineRequest{Subscription: sub, AckIds: []string{id}}
	if _, err := f.receive.ModifyAckDeadline(f.ctx, req); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) equal(got, wanted []string) {
	f.Helper()
	if !slices.Equal(got, wanted) {
		f.Fatalf("%v instead of %v", got, wanted)
	}
}

func TestMessagesOfAKeyFollowOneAnotherOnAStreamInOrder(t *testing.T) {
	f := newFixture(t, &pb.Subscription{EnableMessageOrdering: true})
	stream := f.open(&pb.StreamingPullRequest{})
	f.send("k", "1", "2", "3")
	texts, ids := f.received(stream, 3)
	f.equal(texts, []string{"1", "2", "3"})
	// Also where the acknowledgements come in another order.
	for _, i := range []int{1, 0, 2} {
		if err := f.ack(ids[i]); err != nil {
			f.Fatal(err)
		}
	}
	f.send("k", "4", "5")
	texts, ids = f.received(stream, 2)
	f.equal(texts, []string{"4", "5"})
	if err := f.ack(ids...); err != nil {
		f.Fatal(err)
	}
	found := f.stats().Subscriptions[sub]
	if found.Acked != 5 || found.LateAcks != 0 || found.Redelivered != 0 || found.Outstanding != 0 {
		f.Fatalf("%+v", found)
	}
}

func TestWhatFollowsAMessageThatIsGivenBackComesAgainBehindIt(t *testing.T) {
	f := newFixture(t, &pb.Subscription{EnableMessageOrdering: true})
	stream := f.open(&pb.StreamingPullRequest{})
	f.send("k", "1", "2", "3", "4")
	_, ids := f.received(stream, 4)
	if err := f.ack(ids[0]); err != nil {
		f.Fatal(err)
	}
	f.nack(ids[1])
	texts, again := f.received(stream, 3)
	f.equal(texts, []string{"2", "3", "4"})
	// The old ids are worth nothing.
	if err := f.ack(ids[2:]...); err != nil {
		f.Fatal(err)
	}
	if found := f.stats().Subscriptions[sub]; found.LateAcks != 2 || found.Acked != 1 || found.Outstanding != 3 {
		f.Fatalf("%+v", found)
	}
	f.control("expire", map[string]any{"subscription": sub})
	texts, again = f.received(stream, 3)
	f.equal(texts, []string{"2", "3", "4"})
	if err := f.ack(again...); err != nil {
		f.Fatal(err)
	}
	f.until("the end", func() bool { return f.stats().Subscriptions[sub].Acked == 4 })
}

func TestMessagesOfAKeyGoToOneStreamAtATime(t *testing.T) {
	f := newFixture(t, &pb.Subscription{EnableMessageOrdering: true})
	first := f.open(&pb.StreamingPullRequest{})
	f.send("k", "1")
	_, ids := f.received(first, 1)
	f.begin(&pb.StreamingPullRequest{})
	f.until("the second stream", func() bool { return f.stats().Streams == 2 })
	f.send("k", "2")
	f.send("other", "3")
	texts, more := f.received(first, 1)
	for !slices.Equal(texts, []string{"2"}) {
		// The other key may go to either.
		f.equal(texts, []string{"3"})
		texts, more = f.received(first, 1)
	}
	if err := f.ack(append(ids, more...)...); err != nil {
		f.Fatal(err)
	}
}
