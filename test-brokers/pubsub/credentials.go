// Google's credentials: service accounts that sign for themselves, and the endpoint that gives tokens for a signature.

package main

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

const (
	audience = "https://pubsub.googleapis.com/"
	// As far as Google lets two clocks differ, and as long as a signature may be good.
	leeway  = time.Minute
	longest = time.Hour

	expected = "Expected OAuth 2 access token, login cookie or other valid authentication credential. " +
		"See https://developers.google.com/identity/sign-in/web/devconsole-project."
)

var scopes = []string{
	"https://www.googleapis.com/auth/pubsub",
	"https://www.googleapis.com/auth/cloud-platform",
}

// account is a key that may be used, unless it is taken from the list.
type account struct {
	ID    string `json:"id"`
	PEM   string `json:"pem"`
	Email string `json:"email"`
}

// rules are what is asked of whoever calls. Without a key and a refresh token nothing is.
type rules struct {
	Keys          []account `json:"keys"`
	RefreshTokens []string  `json:"refresh_tokens"`
	// How far this server's clock is ahead of the machine's.
	ClockOffsetS int `json:"clock_offset_s"`
	// Of the tokens that are given out; an hour unless told.
	TokenLifetimeS int `json:"token_lifetime_s"`
}

// credentials are the rules, and the tokens that were given by them, with their ends.
type credentials struct {
	mu     sync.Mutex
	rules  rules
	keys   map[string]*rsa.PublicKey
	tokens map[string]time.Time
}

type claims struct {
	jwt.RegisteredClaims
	Scope string `json:"scope"`
}

func newCredentials() *credentials {
	return &credentials{tokens: map[string]time.Time{}}
}

// require sets other rules. Tokens stay good, as they do when a key is deleted.
func (c *credentials) require(rules rules) error {
	keys := map[string]*rsa.PublicKey{}
	for _, account := range rules.Keys {
		key, err := jwt.ParseRSAPublicKeyFromPEM([]byte(account.PEM))
		if err != nil {
			return err
		}
		keys[account.ID] = key
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rules, c.keys = rules, keys
	return nil
}

// check takes a call with a token that was given here, or with one that a known key has signed.
func (c *credentials) check(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.keys) == 0 && len(c.rules.RefreshTokens) == 0 {
		return nil
	}
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) == 0 {
		return status.Error(codes.Unauthenticated, "Request is missing required authentication credential. "+expected)
	}
	if token, ok := strings.CutPrefix(values[0], "Bearer "); ok {
		if end, given := c.tokens[token]; given && c.now().Before(end) {
			return nil
		}
		if claims, err := c.verify(token); err == nil && claims.allowsPubSub() {
			return nil
		}
	}
	return status.Error(codes.Unauthenticated, "Request had invalid authentication credentials. "+expected)
}

// allowsPubSub says whether the claims may stand for an access token.
func (c *claims) allowsPubSub() bool {
	if c.Subject != c.Issuer {
		return false
	}
	if slices.Contains(c.Audience, audience) {
		return true
	}
	return slices.ContainsFunc(strings.Fields(c.Scope), func(scope string) bool { return slices.Contains(scopes, scope) })
}

// clock is the server's time for whoever does not hold the lock.
func (c *credentials) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *credentials) now() time.Time {
	return time.Now().Add(time.Duration(c.rules.ClockOffsetS) * time.Second)
}

// verify reads what a key of the rules has signed in its own account's name.
func (c *credentials) verify(text string) (*claims, error) {
	found := &claims{}
	token, err := jwt.ParseWithClaims(text, found,
		func(token *jwt.Token) (any, error) {
			if id, ok := token.Header["kid"].(string); ok && c.keys[id] != nil {
				return c.keys[id], nil
			}
			return nil, errors.New("no such key")
		},
		jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithTimeFunc(c.now),
		jwt.WithLeeway(leeway),
		jwt.WithIssuedAt(),
		jwt.WithExpirationRequired(),
	)
	if err != nil {
		return nil, err
	}
	if found.IssuedAt == nil || found.ExpiresAt.Sub(found.IssuedAt.Time) > longest+leeway {
		return nil, jwt.ErrTokenExpired
	}
	known := slices.ContainsFunc(c.rules.Keys, func(account account) bool {
		return account.ID == token.Header["kid"] && account.Email == found.Issuer
	})
	// What is sent to the token endpoint need not name a subject.
	if !known || (found.Subject != "" && found.Subject != found.Issuer) {
		return nil, jwt.ErrTokenInvalidIssuer
	}
	return found, nil
}

// token is Google's endpoint https://oauth2.googleapis.com/token, which takes a form, or JSON as Google's Rust library has it.
func (c *credentials) token(w http.ResponseWriter, r *http.Request) {
	value := r.FormValue
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
		var said map[string]any
		// What is no JSON says nothing.
		_ = json.NewDecoder(r.Body).Decode(&said)
		value = func(name string) string {
			text, _ := said[name].(string)
			return text
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	refuse := func(reason, text string) {
		answer(w, http.StatusBadRequest, map[string]string{"error": reason, "error_description": text})
	}
	switch grant := value("grant_type"); grant {
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		_, err := c.verify(value("assertion"))
		switch {
		case errors.Is(err, jwt.ErrTokenExpired), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
			refuse("invalid_grant", "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "+
				"timeframe. Check your iat and exp values in the JWT claim.")
			return
		case errors.Is(err, jwt.ErrTokenInvalidIssuer):
			refuse("invalid_grant", "Invalid grant: account not found")
			return
		case err != nil:
			refuse("invalid_grant", "Invalid JWT Signature.")
			return
		}
	case "refresh_token":
		if !slices.Contains(c.rules.RefreshTokens, value("refresh_token")) {
			refuse("invalid_grant", "Token has been expired or revoked.")
			return
		}
	default:
		refuse("unsupported_grant_type", "Invalid grant_type: "+grant)
		return
	}
	lifetime := c.rules.TokenLifetimeS
	if lifetime == 0 {
		lifetime = int(longest.Seconds())
	}
	token := "ya29." + rand.Text()
	c.tokens[token] = c.now().Add(time.Duration(lifetime) * time.Second)
	answer(w, http.StatusOK, map[string]any{"access_token": token, "expires_in": lifetime, "token_type": "Bearer"})
}

// keyFile is what Google gives whoever makes a key of a service account.
type keyFile struct {
	Type         string `json:"type"`
	ProjectID    string `json:"project_id"`
	PrivateKeyID string `json:"private_key_id"`
	PrivateKey   string `json:"private_key"`
	ClientEmail  string `json:"client_email"`
	ClientID     string `json:"client_id"`
	TokenURI     string `json:"token_uri"`
}

// makeAccount gives the file, and what the rules take.
func makeAccount(project, tokenURI string) (keyFile, account, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return keyFile{}, account{}, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return keyFile{}, account{}, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return keyFile{}, account{}, err
	}
	id := make([]byte, 20)
	rand.Read(id)
	file := keyFile{
		Type:         "service_account",
		ProjectID:    project,
		PrivateKeyID: hex.EncodeToString(id),
		PrivateKey:   string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		ClientEmail:  "tests@" + project + ".iam.gserviceaccount.com",
		ClientID:     "100000000000000000001",
		TokenURI:     tokenURI,
	}
	return file, account{
		ID:    file.PrivateKeyID,
		PEM:   string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		Email: file.ClientEmail,
	}, nil
}
