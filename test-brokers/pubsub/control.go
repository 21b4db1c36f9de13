// The control server: what a test does to the service behind its clients' backs, as JSON over HTTP.
//
// It calls the service itself and not through the gate, so nothing here is counted, denied or failed.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type control struct {
	service  *service
	gate     *gate
	tokenURI string
}

type none struct{}

func (c *control) handler() http.Handler {
	mux := http.NewServeMux()
	verb(mux, "topics", c.createTopic)
	verb(mux, "delete-topic", c.deleteTopic)
	verb(mux, "subscriptions", c.createSubscription)
	verb(mux, "publish", c.publish)
	verb(mux, "forbid", c.forbid)
	verb(mux, "deny", c.deny)
	verb(mux, "fail", c.fail)
	verb(mux, "fail-acks", c.failAcks)
	verb(mux, "close-streams", c.closeStreams)
	verb(mux, "stream-lifetime", c.streamLifetime)
	verb(mux, "mute", c.mute)
	verb(mux, "expire", c.expire)
	verb(mux, "clear", c.clear)
	verb(mux, "credentials", c.require)
	verb(mux, "service-account", c.serviceAccount)
	mux.HandleFunc("POST /token", c.gate.credentials.token)
	mux.HandleFunc("GET /messages", c.messages)
	mux.HandleFunc("GET /stats", c.stats)
	return mux
}

// verb serves POST /NAME: what it takes is an object with known fields only, what it gives is JSON.
func verb[Q any](mux *http.ServeMux, name string, do func(Q) (any, error)) {
	mux.HandleFunc("POST /"+name, func(w http.ResponseWriter, r *http.Request) {
		var question Q
		decoder := json.NewDecoder(r.Body)
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&question); err != nil {
			refuse(w, err)
			return
		}
		found, err := do(question)
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, http.StatusOK, found)
	})
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Whoever asked may have gone.
	_ = json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, err error) {
	answer(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
}

func (c *control) createTopic(q struct {
	Name string `json:"name"`
}) (any, error) {
	_, err := c.service.CreateTopic(context.Background(), &pb.Topic{Name: q.Name})
	return none{}, err
}

// deleteTopic leaves its subscriptions without one.
func (c *control) deleteTopic(q struct {
	Name string `json:"name"`
}) (any, error) {
	_, err := c.service.DeleteTopic(context.Background(), &pb.DeleteTopicRequest{Topic: q.Name})
	return none{}, err
}

func (c *control) createSubscription(q struct {
	Name         string `json:"name"`
	Topic        string `json:"topic"`
	Ordering     bool   `json:"ordering"`
	ExactlyOnce  bool   `json:"exactly_once"`
	AckDeadlineS int32  `json:"ack_deadline_s"`
}) (any, error) {
	_, err := c.service.CreateSubscription(context.Background(), &pb.Subscription{
		Name:                      q.Name,
		Topic:                     q.Topic,
		EnableMessageOrdering:     q.Ordering,
		EnableExactlyOnceDelivery: q.ExactlyOnce,
		AckDeadlineSeconds:        q.AckDeadlineS,
	})
	return none{}, err
}

// publish makes a call of each message, so that only a message's limits hold.
func (c *control) publish(q struct {
	Topic    string `json:"topic"`
	Messages []struct {
		Data        []byte            `json:"data"`
		Attributes  map[string]string `json:"attributes"`
		OrderingKey string            `json:"ordering_key"`
	} `json:"messages"`
}) (any, error) {
	ids := []string{}
	for _, m := range q.Messages {
		message := &pb.PubsubMessage{Data: m.Data, Attributes: m.Attributes, OrderingKey: m.OrderingKey}
		req := &pb.PublishRequest{Topic: q.Topic, Messages: []*pb.PubsubMessage{message}}
		res, err := c.service.Publish(context.Background(), req)
		if err != nil {
			return nil, err
		}
		ids = append(ids, res.MessageIds...)
	}
	return map[string]any{"ids": ids}, nil
}

// forbid has a topic refuse what has these bytes in it; none: nothing.
func (c *control) forbid(q struct {
	Topic string `json:"topic"`
	Data  []byte `json:"data"`
}) (any, error) {
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	c.service.forbidden[q.Topic] = q.Data
	return none{}, nil
}

// deny replaces what was denied.
func (c *control) deny(q struct {
	Methods []string `json:"methods"`
}) (any, error) {
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.gate.denied = q.Methods
	return none{}, nil
}

func (c *control) fail(q fault) (any, error) {
	if q.Method == "" || q.Count <= 0 {
		return nil, fmt.Errorf("method %q, count %d: take a method's name, and 1 or more", q.Method, q.Count)
	}
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.gate.faults = append(c.gate.faults, &q)
	return none{}, nil
}

func (c *control) failAcks(q struct {
	Subscription string `json:"subscription"`
	Count        int    `json:"count"`
	Failure      string `json:"failure"`
}) (any, error) {
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	sub := c.service.subs[q.Subscription]
	if sub == nil || !sub.proto.EnableExactlyOnceDelivery {
		return nil, fmt.Errorf("subscription %q: take one with exactly-once delivery", q.Subscription)
	}
	for range q.Count {
		sub.failures = append(sub.failures, q.Failure)
	}
	return none{}, nil
}

// closeStreams ends those that are open; UNAVAILABLE unless told, and with OK as if there were no more to come.
func (c *control) closeStreams(q struct {
	Code *code `json:"code"`
}) (any, error) {
	reason := status.Error(codes.Unavailable, streamClosed)
	if q.Code != nil {
		reason = status.Error(q.Code.Code, streamClosed)
	}
	if reason == nil {
		reason = io.EOF
	}
	return map[string]int{"closed": c.service.closeStreams(reason)}, nil
}

// streamLifetime holds for open streams too; 0 takes it back.
func (c *control) streamLifetime(q struct {
	Ms int `json:"ms"`
}) (any, error) {
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	c.service.lifetime = time.Duration(q.Ms) * time.Millisecond
	c.service.wake()
	return none{}, nil
}

func (c *control) mute(q struct {
	Muted bool `json:"muted"`
}) (any, error) {
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	c.service.muted = q.Muted
	c.service.wake()
	return none{}, nil
}

// expire ends the leases of a subscription; of all, where none is named.
func (c *control) expire(q struct {
	Subscription string `json:"subscription"`
}) (any, error) {
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	if q.Subscription != "" && c.service.subs[q.Subscription] == nil {
		return nil, fmt.Errorf("no subscription %q", q.Subscription)
	}
	expired := 0
	for name, sub := range c.service.subs {
		if q.Subscription == "" || q.Subscription == name {
			expired += c.service.expire(sub, func(*lease) bool { return true })
		}
	}
	return map[string]int{"expired": expired}, nil
}

// clear forgets the messages of a topic that are acknowledged everywhere; all of everything, where none is named.
func (c *control) clear(q struct {
	Topic string `json:"topic"`
}) (any, error) {
	if q.Topic == "" {
		c.service.clearAll()
	} else {
		c.service.clearAcked(q.Topic)
	}
	return none{}, nil
}

func (c *control) require(q rules) (any, error) {
	return none{}, c.gate.credentials.require(q)
}

// serviceAccount makes one. To let it in is another verb.
func (c *control) serviceAccount(q struct {
	Project string `json:"project"`
}) (any, error) {
	file, key, err := makeAccount(q.Project, c.tokenURI)
	return map[string]any{"file": file, "key": key}, err
}

// messages gives GET /messages?topic=NAME: all of a topic in order, or limit=N of them from=N on, with data=false
// without their data.
func (c *control) messages(w http.ResponseWriter, r *http.Request) {
	number := func(name string) int {
		n, _ := strconv.Atoi(r.FormValue(name))
		return n
	}
	found := c.service.messages(r.FormValue("topic"), number("from"), number("limit"))
	if r.FormValue("data") == "false" {
		for i := range found {
			found[i].Data = nil
		}
	}
	answer(w, http.StatusOK, found)
}

// stats gives GET /stats: calls by method, open streams, and counts by subscription.
func (c *control) stats(w http.ResponseWriter, _ *http.Request) {
	type stats struct {
		counts
		Outstanding int `json:"outstanding"`
		Streams     int `json:"streams"`
	}
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	c.service.mu.Lock()
	defer c.service.mu.Unlock()
	subs := map[string]*stats{}
	for name, sub := range c.service.subs {
		subs[name] = &stats{counts: sub.counts, Outstanding: len(sub.leases)}
	}
	for st := range c.service.streams {
		if sub := subs[st.sub]; sub != nil {
			sub.Streams++
		}
	}
	answer(w, http.StatusOK, map[string]any{
		"calls":         c.gate.calls,
		"streams":       len(c.service.streams),
		"subscriptions": subs,
	})
}
