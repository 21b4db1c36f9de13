// Signatures and tokens, right and wrong.

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
)

func (f *fixture) account() (keyFile, account) {
	f.Helper()
	file, key, err := makeAccount("p", "http://127.0.0.1/token")
	if err != nil {
		f.Fatal(err)
	}
	return file, key
}

// sign gives what Google's libraries send, but for what change does.
func (f *fixture) sign(file keyFile, change func(*claims)) string {
	f.Helper()
	said := &claims{RegisteredClaims: jwt.RegisteredClaims{
		Issuer:    file.ClientEmail,
		Subject:   file.ClientEmail,
		Audience:  jwt.ClaimStrings{audience},
		IssuedAt:  jwt.NewNumericDate(time.Now()),
		ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour)),
	}}
	change(said)
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(file.PrivateKey))
	if err != nil {
		f.Fatal(err)
	}
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, said)
	token.Header["kid"] = file.PrivateKeyID
	signed, err := token.SignedString(key)
	if err != nil {
		f.Fatal(err)
	}
	return signed
}

// with calls with a token, or with none.
func (f *fixture) with(token string) error {
	ctx := f.ctx
	if token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	_, err := f.publish.GetTopic(ctx, &pb.GetTopicRequest{Topic: topic})
	return err
}

func (f *fixture) token(form url.Values) (int, map[string]any) {
	f.Helper()
	res, err := http.PostForm(fmt.Sprintf("http://127.0.0.1:%d/token", f.server.Control), form)
	if err != nil {
		f.Fatal(err)
	}
	defer res.Body.Close()
	var found map[string]any
	if err := json.NewDecoder(res.Body).Decode(&found); err != nil {
		f.Fatal(err)
	}
	return res.StatusCode, found
}

func asIs(*claims) {}

func TestOnlyAGoodSignatureOfAKnownKeyComesIn(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	file, key := f.account()
	stranger, _ := f.account()
	f.expect(f.with(""), codes.OK)
	f.control("credentials", rules{Keys: []account{key}})
	f.expect(f.with(""), codes.Unauthenticated)
	f.expect(f.with(f.sign(file, asIs)), codes.OK)
	// As Google's Rust library has it: issued ten seconds before, and not less long for that.
	f.expect(f.with(f.sign(file, func(c *claims) {
		c.Audience, c.Scope = nil, "email "+scopes[0]
		c.IssuedAt = jwt.NewNumericDate(time.Now().Add(-10 * time.Second))
	})), codes.OK)

	f.expect(f.with(f.sign(stranger, asIs)), codes.Unauthenticated)
	stranger.PrivateKeyID, stranger.ClientEmail = file.PrivateKeyID, file.ClientEmail
	f.expect(f.with(f.sign(stranger, asIs)), codes.Unauthenticated)
	for name, change := range map[string]func(*claims){
		"expired":          func(c *claims) { c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(-2 * leeway)) },
		"too long":         func(c *claims) { c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(2 * longest)) },
		"another issuer":   func(c *claims) { c.Issuer, c.Subject = "a@b", "a@b" },
		"another audience": func(c *claims) { c.Audience = jwt.ClaimStrings{"https://storage.googleapis.com/"} },
	} {
		if err := f.with(f.sign(file, change)); err == nil {
			t.Errorf("%s: it came in", name)
		}
	}
	// A clock that is far ahead finds every signature old, and one far behind finds them of the future.
	for _, offset := range []int{2 * 3600, -2 * 3600} {
		f.control("credentials", rules{Keys: []account{key}, ClockOffsetS: offset})
		f.expect(f.with(f.sign(file, asIs)), codes.Unauthenticated)
	}
	stream, err := f.receive.StreamingPull(context.Background())
	if err == nil {
		_, err = stream.Recv()
	}
	f.expect(err, codes.Unauthenticated)
}

func TestTheTokenEndpointGivesATokenForASignature(t *testing.T) {
	f := newFixture(t, &pb.Subscription{})
	file, key := f.account()
	f.control("credentials", rules{Keys: []account{key}, RefreshTokens: []string{"r"}})
	grant := func(assertion string) url.Values {
		return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	}
	code, found := f.token(grant(f.sign(file, asIs)))
	token, _ := found["access_token"].(string)
	if code != http.StatusOK || found["expires_in"] != 3600.0 {
		t.Fatalf("%d, %v", code, found)
	}
	f.expect(f.with(token), codes.OK)
	f.expect(f.with(token+"x"), codes.Unauthenticated)

	stranger, _ := f.account()
	code, found = f.token(grant(f.sign(stranger, asIs)))
	if code != http.StatusBadRequest || found["error"] != "invalid_grant" ||
		found["error_description"] != "Invalid JWT Signature." {
		t.Errorf("%d, %v", code, found)
	}
	code, _ = f.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"r"}})
	if code != http.StatusOK {
		t.Errorf("%d", code)
	}
	said := strings.NewReader(`{"grant_type": "refresh_token", "refresh_token": "r", "scopes": null}`)
	res, err := http.Post(fmt.Sprintf("http://127.0.0.1:%d/token", f.server.Control), "application/json", said)
	if err != nil {
		f.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("as JSON: %d", res.StatusCode)
	}
	code, _ = f.token(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"revoked"}})
	if code != http.StatusBadRequest {
		t.Errorf("%d", code)
	}
	f.control("credentials", rules{Keys: []account{key}, ClockOffsetS: 2 * 3600})
	f.expect(f.with(token), codes.Unauthenticated)
}
