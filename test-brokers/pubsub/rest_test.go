// The same port speaks HTTP with JSON, as some of Google's clients want it.

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// reply is what the HTTP side says.
type reply struct {
	status int
	date   time.Time
	body   map[string]any
}

func (f *fixture) rest(method, path, body string) reply {
	f.Helper()
	url := fmt.Sprintf("http://127.0.0.1:%d/v1/%s", f.server.GRPC, path)
	req, err := http.NewRequestWithContext(f.ctx, method, url, strings.NewReader(body))
	if err != nil {
		f.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		f.Fatal(err)
	}
	defer res.Body.Close()
	date, err := http.ParseTime(res.Header.Get("date"))
	if err != nil {
		f.Fatal(err)
	}
	found := reply{status: res.StatusCode, date: date}
	if err := json.NewDecoder(res.Body).Decode(&found.body); err != nil {
		f.Fatal(err)
	}
	return found
}

func TestTopicsAndSubscriptionsAreMadeAndFoundOverHTTP(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	for _, step := range []struct {
		method, path, body string
		status             int
		said               string
	}{
		{"GET", "projects/p/topics/new", "", 404, `"status":"NOT_FOUND"`},
		{"PUT", "projects/p/topics/new", "{}", 200, `"name":"projects/p/topics/new"`},
		{"PUT", "projects/p/topics/new", "{}", 409, `"status":"ALREADY_EXISTS"`},
		{"GET", "projects/p/topics", "", 200, "projects/p/topics/new"},
		{"PUT", "projects/p/subscriptions/new", `{"topic": "projects/p/topics/new", "enableMessageOrdering": true}`, 200,
			`"enableMessageOrdering":true`},
		{"GET", "projects/p/subscriptions/new", "", 200, `"topic":"projects/p/topics/new"`},
		{"GET", "projects/p/subscriptions", "", 200, sub},
		{"GET", "projects/p/topics/new/subscriptions", "", 200, "projects/p/subscriptions/new"},
		{"DELETE", "projects/p/subscriptions/new", "", 200, "{}"},
		{"DELETE", "projects/p/topics/new", "", 200, "{}"},
		{"PUT", "projects/p/topics/odd", "[", 400, "Invalid JSON"},
		{"POST", "projects/p/topics/t:publish", "{}", 501, "not served here"},
	} {
		found := f.rest(step.method, step.path, step.body)
		text, _ := json.Marshal(found.body)
		if found.status != step.status || !strings.Contains(string(text), step.said) {
			t.Errorf("%s %s: %d %s", step.method, step.path, found.status, text)
		}
	}
}

func TestWhatIsDeniedIsDeniedOverHTTPToo(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	f.control("deny", map[string]any{"methods": []string{"GetTopic"}})
	if found := f.rest("GET", topic, ""); found.status != http.StatusForbidden {
		t.Errorf("%v", found)
	}
	if calls := f.stats().Calls["GetTopic"]; calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

func TestTheDateIsThatOfTheServersClock(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	f.control("credentials", map[string]any{"clock_offset_s": 3600})
	if off := time.Until(f.rest("GET", topic, "").date); off < 59*time.Minute || off > 61*time.Minute {
		t.Errorf("%v", off)
	}
}
