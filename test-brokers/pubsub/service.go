// The service that clients see: pstest keeps topics, subscriptions and messages, and here is what it leaves out of the
// real one: limits, leases that expire, stale acknowledgements, and a record of what was published.

package main

import (
	"bytes"
	"context"
	"sync"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/protobuf/types/known/emptypb"
)

// service overrides the methods of pstest that it adds to; all others are pstest's own.
//
// pstest is called with mu held, so that what it knows and what is recorded here never differ.
type service struct {
	*pstest.GServer
	store *pstest.Server

	mu   sync.Mutex
	subs map[string]*subscription
	// All messages in the order of their publication, and by id.
	log  []*entry
	byID map[string]*entry
	// Open streams; see stream.go.
	streams map[*stream]struct{}
	muted   bool
	// Of the ack ids that are not pstest's.
	lastAhead int
	lifetime  time.Duration
	// By topic: what a message must not have in it, as if a schema said so.
	forbidden map[string][]byte
	// Closed, and replaced, whenever there may be something to deliver.
	changed chan struct{}
}

// entry is a message that was published, with its data until it is cleared.
type entry struct {
	ID          string            `json:"id"`
	Data        []byte            `json:"data,omitempty"`
	Attributes  map[string]string `json:"attributes,omitempty"`
	OrderingKey string            `json:"ordering_key,omitempty"`
	PublishTime time.Time         `json:"publish_time"`

	topic string
	// Subscriptions that have not acknowledged it.
	pending int
}

// newService makes an empty one. Its leases expire until ctx ends.
func newService(ctx context.Context) *service {
	store := pstest.NewServerWithAddress("127.0.0.1:0")
	// pstest listens by itself, where nothing stands before it. Closed, it goes on for whoever calls its methods.
	store.Close()
	// Its clock stands still but for a nanosecond a look, by which it orders messages. So it never ends a lease by
	// itself, where the old ack id would stay good, and never drops a message for having waited ten minutes.
	var clock sync.Mutex
	now := time.Now()
	store.SetTimeNowFunc(func() time.Time {
		clock.Lock()
		defer clock.Unlock()
		now = now.Add(time.Nanosecond)
		return now
	})
	s := &service{
		GServer: &store.GServer,
		store:   store,
		subs:    map[string]*subscription{},
		byID:    map[string]*entry{},
		streams: map[*stream]struct{}{},
		changed: make(chan struct{}),

		forbidden: map[string][]byte{},
	}
	go s.expireInTime(ctx)
	return s
}

// wake has every stream look for messages. The caller holds the lock.
func (s *service) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Publish records what was published, with the true time.
// checkSchema refuses a request for one of its messages, as the service does. The caller has the lock.
func (s *service) checkSchema(req *pb.PublishRequest) error {
	forbidden := s.forbidden[req.Topic]
	for _, m := range req.Messages {
		if len(forbidden) > 0 && bytes.Contains(m.Data, forbidden) {
			return invalid("Invalid data in message: Message failed schema validation.")
		}
	}
	return nil
}

func (s *service) Publish(ctx context.Context, req *pb.PublishRequest) (*pb.PublishResponse, error) {
	if err := checkPublish(req); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.checkSchema(req); err != nil {
		return nil, err
	}
	res, err := s.GServer.Publish(ctx, req)
	if err != nil {
		return nil, err
	}
	var subs []*subscription
	for _, sub := range s.subs {
		if sub.proto.Topic == req.Topic {
			sub.counts.Published += len(res.MessageIds)
			subs = append(subs, sub)
		}
	}
	for i, id := range res.MessageIds {
		// pstest keeps every message for ever. What it delivers it has elsewhere.
		if kept := s.store.Message(id); kept != nil {
			kept.Data, kept.Attributes = nil, nil
		}
		m := req.Messages[i]
		e := &entry{
			ID:          id,
			Data:        m.Data,
			Attributes:  m.Attributes,
			OrderingKey: m.OrderingKey,
			PublishTime: time.Now(),
			topic:       req.Topic,
			pending:     len(subs),
		}
		for _, sub := range subs {
			sub.enqueue(e)
		}
		s.log = append(s.log, e)
		s.byID[id] = e
	}
	s.wake()
	return res, nil
}

// CreateSubscription adds the record of its leases.
func (s *service) CreateSubscription(ctx context.Context, req *pb.Subscription) (*pb.Subscription, error) {
	if err := checkSubscription(req); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	made, err := s.GServer.CreateSubscription(ctx, req)
	if err == nil {
		s.subs[made.Name] = newSubscription(made)
	}
	return made, err
}

// DeleteSubscription takes the record of its leases away. Its streams end when they next look.
func (s *service) DeleteSubscription(ctx context.Context, req *pb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	res, err := s.GServer.DeleteSubscription(ctx, req)
	if err == nil {
		delete(s.subs, req.Subscription)
		s.wake()
	}
	return res, err
}

// messages gives those of a topic, from the given one on, as many as limit; all where that is 0.
func (s *service) messages(topic string, from, limit int) []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []entry{}
	for _, e := range s.log {
		if e.topic != topic {
			continue
		}
		if from--; from >= 0 {
			continue
		}
		found = append(found, *e)
		if len(found) == limit {
			break
		}
	}
	return found
}

// clearAcked forgets messages of a topic that every subscription has acknowledged which was there when they came.
func (s *service) clearAcked(topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var kept []*entry
	for _, e := range s.log {
		if e.topic != topic || e.pending > 0 {
			kept = append(kept, e)
		} else {
			delete(s.byID, e.ID)
		}
	}
	s.log = kept
}

// clearAll forgets all messages, leases and counts. Topics, subscriptions and streams stay.
func (s *service) clearAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store.ClearMessages()
	s.log, s.byID = nil, map[string]*entry{}
	for name, sub := range s.subs {
		for id := range sub.leases {
			sub.release(id)
		}
		s.subs[name] = newSubscription(sub.proto)
	}
	s.wake()
}
