// Leases: who has which delivery of a message, and until when.
//
// pstest gives each delivery an ack id of its own and ignores stale ones. It neither says what is outstanding nor fails
// a stale acknowledgement on a subscription with exactly-once delivery, and its leases last as long as its clock wants.

package main

import (
	"context"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// How often leases whose time has passed are looked for.
const expiryPause = 50 * time.Millisecond

const invalidAckID = "PERMANENT_FAILURE_INVALID_ACK_ID"

// subscription is what is known of one beside pstest.
type subscription struct {
	// pstest's, so that it has later changes.
	proto *pb.Subscription
	// By ack id.
	leases map[string]*lease
	// By ordering key; see keys.go.
	keys map[string]*queue
	// Ack ids of what was acknowledged. A client that did not see the answer may ask again.
	acked map[string]struct{}
	// Deliveries of each message that is not acknowledged.
	attempts map[string]int
	// How the next acknowledgements fail, with exactly-once delivery.
	failures []string
	counts   counts
}

// counts are of one subscription, since it was made or cleared.
type counts struct {
	Published   int `json:"published"`
	Delivered   int `json:"delivered"`
	Redelivered int `json:"redelivered"`
	Acked       int `json:"acked"`
	Nacked      int `json:"nacked"`
	Expired     int `json:"expired"`
	// With ack ids whose lease had ended, or that never had one.
	LateAcks       int `json:"late_acks"`
	LateNacks      int `json:"late_nacks"`
	LateExtensions int `json:"late_extensions"`
}

// lease is one delivery of a message.
type lease struct {
	message string
	key     string
	size    int
	// pstest's ack id, where it has handed the message out.
	upstream string
	// nil where it was pulled by a call.
	holder *stream
	until  time.Time
}

func newSubscription(made *pb.Subscription) *subscription {
	return &subscription{
		proto:    made,
		leases:   map[string]*lease{},
		keys:     map[string]*queue{},
		acked:    map[string]struct{}{},
		attempts: map[string]int{},
	}
}

// release ends a lease. What becomes of the message is the caller's.
func (sub *subscription) release(id string) {
	l := sub.leases[id]
	delete(sub.leases, id)
	if l.holder != nil {
		l.holder.messages--
		l.holder.bytes -= l.size
	}
}

// take leases as many messages as pstest has and most allows. The caller holds the lock.
func (s *service) take(
	sub *subscription, most int, period time.Duration, holder *stream,
) ([]*pb.ReceivedMessage, error) {
	req := &pb.PullRequest{Subscription: sub.proto.Name, MaxMessages: int32(most), ReturnImmediately: true}
	res, err := s.GServer.Pull(context.Background(), req)
	if err != nil {
		return nil, err
	}
	// What pstest gives it changes with the next delivery, which may come before this is sent.
	copies := make([]*pb.ReceivedMessage, 0, len(res.ReceivedMessages))
	for _, received := range res.ReceivedMessages {
		if s.joined(sub, received) {
			continue
		}
		m := received.Message
		published := time.Now()
		if e := s.byID[m.MessageId]; e != nil {
			published = e.PublishTime
		}
		copied := &pb.ReceivedMessage{
			AckId:           received.AckId,
			DeliveryAttempt: received.DeliveryAttempt,
			Message: &pb.PubsubMessage{
				Data:        m.Data,
				Attributes:  m.Attributes,
				MessageId:   m.MessageId,
				PublishTime: timestamppb.New(published),
				OrderingKey: m.OrderingKey,
			},
		}
		sub.lease(copied, period, holder)
		copies = append(copies, copied)
	}
	if holder != nil {
		copies = append(copies, s.ahead(sub, most-len(copies), period, holder)...)
	}
	// What was done ahead is no longer pstest's, and what follows on it may come at once.
	if len(copies) == 0 && len(res.ReceivedMessages) > 0 {
		return s.take(sub, most, period, holder)
	}
	return copies, nil
}

// lease notes one delivery. The caller holds the lock.
func (sub *subscription) lease(received *pb.ReceivedMessage, period time.Duration, holder *stream) *lease {
	m := received.Message
	l := &lease{
		message:  m.MessageId,
		key:      m.OrderingKey,
		size:     proto.Size(received),
		upstream: received.AckId,
		holder:   holder,
		until:    time.Now().Add(period),
	}
	sub.leases[received.AckId] = l
	if holder != nil {
		holder.messages++
		holder.bytes += l.size
	}
	sub.counts.Delivered++
	if sub.attempts[m.MessageId] > 0 {
		sub.counts.Redelivered++
	}
	sub.attempts[m.MessageId]++
	return l
}

// Pull leases for the subscription's deadline.
func (s *service) Pull(ctx context.Context, req *pb.PullRequest) (*pb.PullResponse, error) {
	// As long as pstest waits, and far less than the service.
	wait := time.After(500 * time.Millisecond)
	for {
		s.mu.Lock()
		changed, sub := s.changed, s.subs[req.Subscription]
		if sub == nil || req.MaxMessages <= 0 {
			s.mu.Unlock()
			return s.GServer.Pull(ctx, req)
		}
		var taken []*pb.ReceivedMessage
		var err error
		if !s.muted {
			taken, err = s.take(sub, int(req.MaxMessages), deadline(sub.proto.AckDeadlineSeconds), nil)
		}
		s.mu.Unlock()
		if err != nil || len(taken) > 0 || req.ReturnImmediately {
			return &pb.PullResponse{ReceivedMessages: taken}, err
		}
		select {
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		case <-wait:
			return &pb.PullResponse{}, nil
		case <-changed:
		}
	}
}

// Acknowledge fails a stale ack id with exactly-once delivery, and ignores it without.
func (s *service) Acknowledge(ctx context.Context, req *pb.AcknowledgeRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[req.Subscription]
	if sub == nil {
		return s.GServer.Acknowledge(ctx, req)
	}
	return &emptypb.Empty{}, sub.report(s.acknowledge(sub, req.AckIds))
}

// acknowledge gives the ack ids that failed, with their failures. The caller holds the lock.
func (s *service) acknowledge(sub *subscription, ids []string) map[string]string {
	failed := map[string]string{}
	var good []string
	for _, id := range ids {
		l := sub.leases[id]
		if l == nil {
			if _, again := sub.acked[id]; !again {
				sub.counts.LateAcks++
				failed[id] = invalidAckID
			}
			continue
		}
		if sub.proto.EnableExactlyOnceDelivery && len(sub.failures) > 0 {
			failed[id] = sub.failures[0]
			sub.failures = sub.failures[1:]
			// What failed for good is lost to this client, as the lease is.
			if strings.HasPrefix(failed[id], "PERMANENT_") {
				s.expire(sub, func(other *lease) bool { return other == l })
			}
			continue
		}
		sub.release(id)
		sub.acked[id] = struct{}{}
		sub.counts.Acked++
		delete(sub.attempts, l.message)
		if e := s.byID[l.message]; e != nil {
			e.pending--
		}
		good = append(good, sub.done(l)...)
	}
	// With an ordering key the next message may come now.
	defer s.wake()
	s.finish(sub, good...)
	return failed
}

// ModifyAckDeadline does so for leases that have not ended, and for others what Acknowledge does.
func (s *service) ModifyAckDeadline(ctx context.Context, req *pb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	if err := checkDeadline("ack_deadline_seconds", req.AckDeadlineSeconds, 0); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[req.Subscription]
	if sub == nil {
		return s.GServer.ModifyAckDeadline(ctx, req)
	}
	failed := map[string]string{}
	for _, id := range req.AckIds {
		if !s.modify(sub, id, req.AckDeadlineSeconds) {
			failed[id] = invalidAckID
		}
	}
	return &emptypb.Empty{}, sub.report(failed)
}

// modify extends one lease, or with 0 ends it, and says whether there was one. The caller holds the lock.
func (s *service) modify(sub *subscription, id string, seconds int32) bool {
	l := sub.leases[id]
	if l == nil {
		if _, acked := sub.acked[id]; acked {
			return true
		}
		if seconds == 0 {
			sub.counts.LateNacks++
		} else {
			sub.counts.LateExtensions++
		}
		return false
	}
	if seconds == 0 {
		sub.counts.Nacked++
		s.giveBack(sub, id)
	} else {
		l.until = time.Now().Add(deadline(seconds))
	}
	return true
}

// giveBack has messages delivered again, under other ack ids, and what follows on them by their key. The caller holds the
// lock.
func (s *service) giveBack(sub *subscription, ids ...string) {
	var back []string
	for _, id := range ids {
		l := sub.leases[id]
		if l == nil {
			// It followed on another of them.
			continue
		}
		back = append(back, upstream(l)...)
		sub.release(id)
		sub.rewind(l)
	}
	req := &pb.ModifyAckDeadlineRequest{Subscription: sub.proto.Name, AckIds: back}
	s.GServer.ModifyAckDeadline(context.Background(), req)
	s.wake()
}

// expire ends leases as if their time had passed, and says how many. The caller holds the lock.
func (s *service) expire(sub *subscription, which func(*lease) bool) int {
	var ids []string
	for id, l := range sub.leases {
		if which(l) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 0 {
		sub.counts.Expired += len(ids)
		s.giveBack(sub, ids...)
	}
	return len(ids)
}

// expireInTime ends leases whose time has passed, until ctx ends.
func (s *service) expireInTime(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case now := <-time.After(expiryPause):
			s.mu.Lock()
			for _, sub := range s.subs {
				s.expire(sub, func(l *lease) bool { return now.After(l.until) })
			}
			s.mu.Unlock()
		}
	}
}

// report is nil without exactly-once delivery: what failed there is not told.
func (sub *subscription) report(failed map[string]string) error {
	if len(failed) == 0 || !sub.proto.EnableExactlyOnceDelivery {
		return nil
	}
	text := "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have " +
		"expired or the acknowledgement ids were malformed."
	info := &errdetails.ErrorInfo{
		Reason:   "EXACTLY_ONCE_ACKID_FAILURE",
		Domain:   "pubsub.googleapis.com",
		Metadata: failed,
	}
	detailed, err := status.New(codes.InvalidArgument, text).WithDetails(info)
	if err != nil {
		return err
	}
	return detailed.Err()
}

// deadline is a subscription's where it is not set.
func deadline(seconds int32) time.Duration {
	if seconds == 0 {
		seconds = minDeadline
	}
	return time.Duration(seconds) * time.Second
}
