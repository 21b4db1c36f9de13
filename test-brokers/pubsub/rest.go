// The service's other face, HTTP with JSON, by which some of Google's clients administer: each request is passed on to the
// gRPC side, so that what is denied or fails there is denied or fails here.

package main

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	rpc "google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// rest answers with what the gRPC side says.
type rest struct {
	publisher  pb.PublisherClient
	subscriber pb.SubscriberClient
	// How far the server's clock is ahead of the machine's.
	clock func() time.Time
}

func newRest(conn *grpc.ClientConn, clock func() time.Time) *rest {
	return &rest{pb.NewPublisherClient(conn), pb.NewSubscriberClient(conn), clock}
}

func (s *rest) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := metadata.AppendToOutgoingContext(r.Context(), "authorization", r.Header.Get("authorization"))
	answered, err := s.call(ctx, r)
	w.Header().Set("content-type", "application/json; charset=UTF-8")
	// Clients that are told that a token is too old or too new look here for the time.
	w.Header().Set("date", s.clock().UTC().Format(http.TimeFormat))
	if err != nil {
		failed(w, status.Convert(err))
		return
	}
	text, err := protojson.Marshal(answered)
	if err != nil {
		failed(w, status.New(codes.Internal, err.Error()))
		return
	}
	w.Write(text)
}

// call does what METHOD /v1/projects/PROJECT/{topics,subscriptions}[/NAME] asks for, or GET of a topic's subscriptions.
func (s *rest) call(ctx context.Context, r *http.Request) (proto.Message, error) {
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	parts := strings.Split(path, "/")
	if len(parts) == 5 && parts[2] == "topics" && parts[4] == "subscriptions" && r.Method == http.MethodGet {
		topic := strings.TrimSuffix(path, "/subscriptions")
		return s.publisher.ListTopicSubscriptions(ctx, &pb.ListTopicSubscriptionsRequest{Topic: topic})
	}
	if len(parts) < 3 || len(parts) > 4 || parts[0] != "projects" {
		return nil, status.Error(codes.Unimplemented, "not served here: "+r.URL.Path)
	}
	project := "projects/" + parts[1]
	kind := parts[2]
	if len(parts) == 4 {
		kind += "/"
	}
	size, _ := strconv.Atoi(r.URL.Query().Get("pageSize"))
	page := r.URL.Query().Get("pageToken")
	switch r.Method + " " + kind {
	case "GET topics":
		return s.publisher.ListTopics(ctx, &pb.ListTopicsRequest{Project: project, PageSize: int32(size), PageToken: page})
	case "GET topics/":
		return s.publisher.GetTopic(ctx, &pb.GetTopicRequest{Topic: path})
	case "PUT topics/":
		topic := &pb.Topic{}
		if err := read(r, topic); err != nil {
			return nil, err
		}
		topic.Name = path
		return s.publisher.CreateTopic(ctx, topic)
	case "DELETE topics/":
		return s.publisher.DeleteTopic(ctx, &pb.DeleteTopicRequest{Topic: path})
	case "GET subscriptions":
		return s.subscriber.ListSubscriptions(ctx, &pb.ListSubscriptionsRequest{
			Project: project, PageSize: int32(size), PageToken: page,
		})
	case "GET subscriptions/":
		return s.subscriber.GetSubscription(ctx, &pb.GetSubscriptionRequest{Subscription: path})
	case "PUT subscriptions/":
		subscription := &pb.Subscription{}
		if err := read(r, subscription); err != nil {
			return nil, err
		}
		subscription.Name = path
		return s.subscriber.CreateSubscription(ctx, subscription)
	case "DELETE subscriptions/":
		return s.subscriber.DeleteSubscription(ctx, &pb.DeleteSubscriptionRequest{Subscription: path})
	}
	return nil, status.Error(codes.Unimplemented, "not served here: "+r.Method+" "+r.URL.Path)
}

func read(r *http.Request, into proto.Message) error {
	text, err := io.ReadAll(r.Body)
	if err == nil && len(text) > 0 {
		err = protojson.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(text, into)
	}
	if err != nil {
		return status.Error(codes.InvalidArgument, "Invalid JSON payload received. "+err.Error())
	}
	return nil
}

// failed writes an error as Google's services do.
func failed(w http.ResponseWriter, s *status.Status) {
	answer(w, httpCode(s.Code()), map[string]any{"error": map[string]any{
		"code":    httpCode(s.Code()),
		"message": s.Message(),
		"status":  rpc.Code(s.Code()).String(),
	}})
}

// httpCode is the mapping that google/rpc/code.proto documents.
func httpCode(c codes.Code) int {
	switch c {
	case codes.InvalidArgument, codes.FailedPrecondition, codes.OutOfRange:
		return http.StatusBadRequest
	case codes.Unauthenticated:
		return http.StatusUnauthorized
	case codes.PermissionDenied:
		return http.StatusForbidden
	case codes.NotFound:
		return http.StatusNotFound
	case codes.AlreadyExists, codes.Aborted:
		return http.StatusConflict
	case codes.ResourceExhausted:
		return http.StatusTooManyRequests
	case codes.Unimplemented:
		return http.StatusNotImplemented
	case codes.Unavailable:
		return http.StatusServiceUnavailable
	case codes.DeadlineExceeded:
		return http.StatusGatewayTimeout
	}
	return http.StatusInternalServerError
}
