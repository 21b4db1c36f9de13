// StreamingPull. pstest's own hands out a message at a time on a tick of 10 ms, knows no flow control, and cannot be
// silenced or ended from outside; this one takes batches from it by Pull.

package main

import (
	"context"
	"errors"
	"io"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// How often a stream looks where nothing tells it to: for messages that pstest moves by itself, and for its end.
	streamPause = 50 * time.Millisecond
	// Messages that are leased together. A client's flow control in bytes is passed by so many at most.
	maxBatch = 10
	// From this size on, a response takes no further message.
	fullResponse = 1 << 20
)

// What the service says when it closes a stream, as it does to each in the end.
const streamClosed = "The StreamingPull stream closed for an expected reason and should be recreated, which is done " +
	"automatically if using Cloud Pub/Sub client libraries. Refer to " +
	"https://cloud.google.com/pubsub/docs/pull#streamingpull for more information."

// stream is one that is open. The service's lock guards what changes in it.
type stream struct {
	sub    string
	first  *pb.StreamingPullRequest
	opened time.Time
	period time.Duration
	end    context.CancelCauseFunc
	// It has asked for a sign of life.
	pinged bool
	// Outstanding, for flow control.
	messages int
	bytes    int
}

// StreamingPull serves a stream until the client, the service or a fault ends it. Its leases stay.
func (s *service) StreamingPull(server pb.Subscriber_StreamingPullServer) error {
	first, err := server.Recv()
	if err != nil {
		return err
	}
	if err := checkDeadline("stream_ack_deadline_seconds", first.StreamAckDeadlineSeconds, minDeadline); err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(server.Context())
	defer end(nil)
	st := &stream{
		sub:    first.Subscription,
		first:  first,
		opened: time.Now(),
		period: deadline(first.StreamAckDeadlineSeconds),
		end:    end,
	}
	s.mu.Lock()
	s.streams[st] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.streams, st)
		s.mu.Unlock()
	}()

	go s.receive(st, server)
	for {
		s.mu.Lock()
		changed := s.changed
		responses, err := s.next(st)
		s.mu.Unlock()
		if err != nil {
			return err
		}
		for _, res := range responses {
			if err := server.Send(res); err != nil {
				return err
			}
		}
		// With more to send there is no reason to wait.
		if len(responses) > 0 {
			changed = closedChannel
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(cause, io.EOF) {
				return cause
			}
			return nil
		case <-changed:
		case <-time.After(streamPause):
		}
	}
}

var closedChannel = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// receive does what the client asks for, and ends the stream when it has no more to ask.
func (s *service) receive(st *stream, server pb.Subscriber_StreamingPullServer) {
	for {
		req, err := server.Recv()
		if err == nil {
			err = s.handle(st, req)
		}
		if err != nil {
			st.end(err)
			return
		}
	}
}

func (s *service) handle(st *stream, req *pb.StreamingPullRequest) error {
	if len(req.ModifyDeadlineAckIds) != len(req.ModifyDeadlineSeconds) {
		return invalid("modify_deadline_seconds and modify_deadline_ack_ids must be of the same length.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub := s.subs[st.sub]
	if sub == nil {
		// The stream is about to end with that.
		return nil
	}
	if len(req.AckIds) == 0 && len(req.ModifyDeadlineAckIds) == 0 {
		st.pinged = st.first.ProtocolVersion >= 1
		s.wake()
	}
	if len(req.AckIds) > 0 {
		s.acknowledge(sub, req.AckIds)
	}
	for i, id := range req.ModifyDeadlineAckIds {
		s.modify(sub, id, req.ModifyDeadlineSeconds[i])
	}
	if req.StreamAckDeadlineSeconds > 0 {
		st.period = deadline(req.StreamAckDeadlineSeconds)
	}
	return nil
}

// next leases what the client has room for, and puts it into responses. The caller holds the lock.
func (s *service) next(st *stream) ([]*pb.StreamingPullResponse, error) {
	sub := s.subs[st.sub]
	if sub == nil {
		return nil, status.Errorf(codes.NotFound, "Resource not found (resource=%s).", st.sub)
	}
	if s.lifetime > 0 && time.Since(st.opened) >= s.lifetime {
		return nil, status.Error(codes.Unavailable, streamClosed)
	}
	if s.muted {
		return nil, nil
	}
	var responses []*pb.StreamingPullResponse
	if st.pinged {
		st.pinged = false
		responses = append(responses, response(sub))
	}
	room := st.room()
	if room == 0 {
		return responses, nil
	}
	taken, err := s.take(sub, room, st.period, st)
	if err != nil {
		return nil, err
	}
	for size := fullResponse; len(taken) > 0; taken = taken[1:] {
		if size >= fullResponse {
			responses = append(responses, response(sub))
			size = 0
		}
		last := responses[len(responses)-1]
		last.ReceivedMessages = append(last.ReceivedMessages, taken[0])
		size += len(taken[0].Message.Data)
	}
	return responses, nil
}

func response(sub *subscription) *pb.StreamingPullResponse {
	return &pb.StreamingPullResponse{
		SubscriptionProperties: &pb.StreamingPullResponse_SubscriptionProperties{
			ExactlyOnceDeliveryEnabled: sub.proto.EnableExactlyOnceDelivery,
			MessageOrderingEnabled:     sub.proto.EnableMessageOrdering,
		},
	}
}

// room says how many messages the client's flow control allows; where it sets no limit, a batch.
func (st *stream) room() int {
	room := maxBatch
	if limit := int(st.first.MaxOutstandingMessages); limit > 0 {
		room = max(0, min(room, limit-st.messages))
	}
	if limit := int(st.first.MaxOutstandingBytes); limit > 0 && st.bytes >= limit {
		room = 0
	}
	return room
}

// closeStreams ends all that are open, and says how many.
func (s *service) closeStreams(reason error) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	for st := range s.streams {
		st.end(reason)
	}
	return len(s.streams)
}
