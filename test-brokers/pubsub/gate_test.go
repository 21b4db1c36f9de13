// Limits, what is denied, and faults.

package main

import (
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
)

func TestAMessageOverALimitIsRefusedWithTheFieldsName(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	many := map[string]string{}
	for i := range 101 {
		many[strings.Repeat("a", i+1)] = ""
	}
	small := &pb.PubsubMessage{Data: []byte("a")}
	for name, test := range map[string]struct {
		messages []*pb.PubsubMessage
		said     string
	}{
		"nothing":        {nil, "message_count"},
		"empty":          {[]*pb.PubsubMessage{{}}, "is empty"},
		"an empty key":   {[]*pb.PubsubMessage{{Attributes: map[string]string{"": "a"}}}, "empty key"},
		"too large":      {[]*pb.PubsubMessage{{Data: make([]byte, maxRequest)}}, "request_size"},
		"too many":       {slicesOf(small, 1001), "1001 in the request, but the maximum value is 1000"},
		"attributes":     {[]*pb.PubsubMessage{{Attributes: many}}, "attributes_count"},
		"a long key":     {[]*pb.PubsubMessage{{Attributes: map[string]string{strings.Repeat("a", 257): ""}}}, "key that is too long"},
		"a long value":   {[]*pb.PubsubMessage{{Attributes: map[string]string{"k": strings.Repeat("ä", 513)}}}, `"k" in the request has a value`},
		"a long ordered": {[]*pb.PubsubMessage{{Data: []byte("a"), OrderingKey: strings.Repeat("a", 1025)}}, "ordering_key"},
	} {
		_, err := f.publish.Publish(f.ctx, &pb.PublishRequest{Topic: topic, Messages: test.messages})
		f.expect(err, codes.InvalidArgument)
		if !strings.Contains(err.Error(), test.said) {
			t.Errorf("%s: %v", name, err)
		}
	}
	largest := &pb.PubsubMessage{Data: make([]byte, maxRequest-100), Attributes: map[string]string{"k": ""}}
	_, err := f.publish.Publish(f.ctx, &pb.PublishRequest{Topic: topic, Messages: []*pb.PubsubMessage{largest}})
	f.expect(err, codes.OK)
	if size := len(f.pull().Message.Data); size != maxRequest-100 {
		t.Errorf("%d bytes came back", size)
	}
}

func slicesOf(m *pb.PubsubMessage, count int) []*pb.PubsubMessage {
	var all []*pb.PubsubMessage
	for range count {
		all = append(all, m)
	}
	return all
}

func TestWhatIsDeniedIsDeniedAndTheRestGoesOn(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	google := f.google()
	f.control("deny", map[string]any{"methods": []string{"GetTopic", "StreamingPull"}})
	_, err := google.TopicAdminClient.GetTopic(f.ctx, &pb.GetTopicRequest{Topic: topic})
	f.expect(err, codes.PermissionDenied)
	err = google.Subscriber(sub).Receive(f.ctx, nil)
	f.expect(err, codes.PermissionDenied)
	if _, err := google.Publisher(topic).Publish(f.ctx, &pubsub.Message{Data: []byte("a")}).Get(f.ctx); err != nil {
		t.Fatal(err)
	}
	f.control("deny", map[string]any{"methods": []string{}})
	_, err = google.TopicAdminClient.GetTopic(f.ctx, &pb.GetTopicRequest{Topic: topic})
	f.expect(err, codes.OK)
	if calls := f.stats().Calls; calls["GetTopic"] != 2 || calls["Publish"] != 1 {
		t.Errorf("%v", calls)
	}
}

func TestAsManyCallsFailAsWereAskedFor(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	f.control("fail", map[string]any{"method": "Publish", "code": "UNAVAILABLE", "count": 2})
	// Google's client tries again.
	if _, err := f.google().Publisher(topic).Publish(f.ctx, &pubsub.Message{Data: []byte("a")}).Get(f.ctx); err != nil {
		t.Fatal(err)
	}
	if calls := f.stats().Calls["Publish"]; calls != 3 {
		t.Errorf("%d calls", calls)
	}
	f.control("fail", map[string]any{"method": "StreamingPull", "code": "RESOURCE_EXHAUSTED", "count": 1, "message": "full"})
	stream, err := f.receive.StreamingPull(f.ctx)
	if err == nil {
		_, err = stream.Recv()
	}
	f.expect(err, codes.ResourceExhausted)
}

func TestACallMayHangAndItsAnswerMayBeLost(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	f.control("fail", map[string]any{"method": "Publish", "count": 1, "delay_ms": 100})
	begun := time.Now()
	f.send("", "late")
	if took := time.Since(begun); took < 100*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	f.control("fail", map[string]any{"method": "Publish", "code": "INTERNAL", "count": 1, "after": true})
	lost := &pb.PubsubMessage{Data: []byte("lost")}
	_, err := f.publish.Publish(f.ctx, &pb.PublishRequest{Topic: topic, Messages: []*pb.PubsubMessage{lost}})
	f.expect(err, codes.Internal)
	var found []entry
	f.get("messages?from=1&topic="+topic, &found)
	if len(found) != 1 || string(found[0].Data) != "lost" {
		t.Errorf("%v", found)
	}
}
