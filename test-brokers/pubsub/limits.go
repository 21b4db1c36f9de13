// What the real service refuses and pstest takes: https://cloud.google.com/pubsub/quotas#resource_limits, in its words.

package main

import (
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

const (
	// With everything in it, so the data of the largest message is a few bytes less.
	maxRequest      = 10_000_000
	maxMessages     = 1_000
	maxAttributes   = 100
	maxAttributeKey = 256
	maxAttribute    = 1_024
	maxOrderingKey  = 1_024

	// In seconds.
	minDeadline = 10
	maxDeadline = 600

	// gRPC's own limit lies above, so that the refusal is the service's.
	maxReceived = 11 << 20
)

func invalid(format string, args ...any) error {
	return status.Errorf(codes.InvalidArgument, format, args...)
}

func tooLarge(field string, size, limit int) error {
	return invalid("The value for %s is too large. You passed %d in the request, but the maximum value is %d.",
		field, size, limit)
}

func checkPublish(req *pb.PublishRequest) error {
	if count := len(req.Messages); count == 0 {
		return invalid("The value for message_count is too small. You passed 0 in the request, but the minimum value is 1.")
	} else if count > maxMessages {
		return tooLarge("message_count", count, maxMessages)
	}
	if size := proto.Size(req); size > maxRequest {
		return tooLarge("request_size", size, maxRequest)
	}
	for _, m := range req.Messages {
		if err := checkMessage(m); err != nil {
			return err
		}
	}
	return nil
}

func checkMessage(m *pb.PubsubMessage) error {
	if len(m.Data) == 0 && len(m.Attributes) == 0 {
		return invalid("One or more messages in the publish request is empty. Each message must contain either " +
			"non-empty data, or at least one attribute.")
	}
	if count := len(m.Attributes); count > maxAttributes {
		return tooLarge("attributes_count", count, maxAttributes)
	}
	if size := len(m.OrderingKey); size > maxOrderingKey {
		return tooLarge("ordering_key", size, maxOrderingKey)
	}
	for key, value := range m.Attributes {
		if key == "" {
			return invalid("One of the attributes in the request has an empty key.")
		}
		if err := checkLength(key, "key", key, maxAttributeKey); err != nil {
			return err
		}
		if err := checkLength(key, "value", value, maxAttribute); err != nil {
			return err
		}
	}
	return nil
}

// The service counts bytes and says characters, and does not repeat a key that is too long.
func checkLength(key, part, text string, limit int) error {
	if len(text) <= limit {
		return nil
	}
	if part == "key" {
		key = ""
	}
	return invalid("The attribute %q in the request has a %s that is too long. The length is %d characters, but the "+
		"maximum allowed is %d. Refer to https://cloud.google.com/pubsub/quotas for more information.",
		key, part, len(text), limit)
}

func checkSubscription(sub *pb.Subscription) error {
	// 0 stands for 10 s.
	if sub.AckDeadlineSeconds == 0 {
		return nil
	}
	return checkDeadline("ack_deadline_seconds", sub.AckDeadlineSeconds, minDeadline)
}

func checkDeadline(field string, seconds, least int32) error {
	if seconds < least || seconds > maxDeadline {
		return invalid("Invalid %s given: %d. It must be between %d and %d seconds.", field, seconds, least, maxDeadline)
	}
	return nil
}
