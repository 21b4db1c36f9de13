// Ordering keys. pstest hands out one message of a key at a time; the service sends one after the other on a stream, and
// where one of them is given back, those behind it come again as well.
//
// pstest stays the judge of what is left: a message runs ahead of it here, and when it becomes pstest's first of its key,
// its lease is joined with pstest's own, or it is acknowledged there too.

package main

import (
	"context"
	"strconv"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// queue has a subscription's messages of one key that pstest still has, in order.
type queue struct {
	messages []*queued
	// So many of them are leased or done.
	next int
}

type queued struct {
	*entry
	// Of its lease, where it has one.
	ackID string
	done  bool
}

// enqueue notes what was published. The caller holds the lock.
func (sub *subscription) enqueue(e *entry) {
	if !sub.proto.EnableMessageOrdering || e.OrderingKey == "" {
		return
	}
	q := sub.keys[e.OrderingKey]
	if q == nil {
		q = &queue{}
		sub.keys[e.OrderingKey] = q
	}
	q.messages = append(q.messages, &queued{entry: e})
}

// find gives a message's queue and its place in it; none where it has no key.
func (sub *subscription) find(key, id string) (*queue, int) {
	q := sub.keys[key]
	if q == nil {
		return nil, 0
	}
	for i, m := range q.messages {
		if m.ID == id {
			return q, i
		}
	}
	return nil, 0
}

// joined takes what pstest has handed out as the first of its key, and says whether it is settled here: it was sent ahead,
// or it is done. The caller holds the lock.
func (s *service) joined(sub *subscription, received *pb.ReceivedMessage) bool {
	q, i := sub.find(received.Message.OrderingKey, received.Message.MessageId)
	if q == nil || i != 0 {
		return false
	}
	first := q.messages[0]
	switch {
	case first.done:
		s.finish(sub, received.AckId)
		sub.shift(q, first.OrderingKey)
		return true
	case q.next > 0:
		sub.leases[first.ackID].upstream = received.AckId
		return true
	}
	q.next = 1
	first.ackID = received.AckId
	return false
}

// shift drops the first, which pstest no longer has.
func (sub *subscription) shift(q *queue, key string) {
	q.messages = q.messages[1:]
	q.next = max(0, q.next-1)
	if len(q.messages) == 0 {
		delete(sub.keys, key)
	}
}

// ahead leases to a stream what follows on what it holds of each key, as many as most allows. The caller holds the lock.
func (s *service) ahead(sub *subscription, most int, period time.Duration, holder *stream) []*pb.ReceivedMessage {
	var sent []*pb.ReceivedMessage
	for _, q := range sub.keys {
		for ; q.next < len(q.messages) && len(sent) < most && q.heldBy(sub, holder); q.next++ {
			m := q.messages[q.next]
			if m.done {
				continue
			}
			s.lastAhead++
			m.ackID = "ahead-" + strconv.Itoa(s.lastAhead)
			received := &pb.ReceivedMessage{
				AckId: m.ackID,
				Message: &pb.PubsubMessage{
					Data:        m.Data,
					Attributes:  m.Attributes,
					MessageId:   m.ID,
					PublishTime: timestamppb.New(m.PublishTime),
					OrderingKey: m.OrderingKey,
				},
			}
			sub.lease(received, period, holder).upstream = ""
			sent = append(sent, received)
		}
	}
	return sent
}

// heldBy says whether a stream has what comes before the next: messages of one key go to one subscriber at a time.
func (q *queue) heldBy(sub *subscription, holder *stream) bool {
	for _, m := range q.messages[:q.next] {
		if l := sub.leases[m.ackID]; l != nil {
			return l.holder == holder
		}
	}
	return false
}

// done notes an acknowledgement, and gives what pstest is to be told of it: nothing, where it has not come so far.
func (sub *subscription) done(l *lease) []string {
	q, i := sub.find(l.key, l.message)
	if q == nil {
		return upstream(l)
	}
	q.messages[i].done = true
	if i == 0 && l.upstream != "" {
		sub.shift(q, l.key)
		return upstream(l)
	}
	return nil
}

// rewind ends the leases of what follows on a message that is given back: it comes again behind it.
func (sub *subscription) rewind(l *lease) {
	q, i := sub.find(l.key, l.message)
	if q == nil {
		return
	}
	for _, m := range q.messages[i:q.next] {
		if _, leased := sub.leases[m.ackID]; leased {
			sub.release(m.ackID)
		}
	}
	q.next = i
}

func upstream(l *lease) []string {
	if l.upstream == "" {
		return nil
	}
	return []string{l.upstream}
}

// finish acknowledges in pstest.
func (s *service) finish(sub *subscription, ids ...string) {
	s.GServer.Acknowledge(context.Background(), &pb.AcknowledgeRequest{Subscription: sub.proto.Name, AckIds: ids})
}
