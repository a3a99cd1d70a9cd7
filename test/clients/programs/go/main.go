// An MCP client on the official Go SDK. How it talks with whoever started it: ../line-protocol.ts.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

func say(name, value string) {
	line, _ := json.Marshal(map[string]string{name: value})
	fmt.Println(string(line))
}

// callback listens on any free port for the answer that the browser brings.
type callback struct {
	redirectURI string
	answers     chan *auth.AuthorizationResult
}

func listen() (*callback, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &callback{
		redirectURI: fmt.Sprintf("http://%s/callback", listener.Addr()),
		answers:     make(chan *auth.AuthorizationResult, 1),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/callback", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, "<!doctype html><title>Client</title><p>Signed in. You may close this window.")
		c.answers <- &auth.AuthorizationResult{
			Code: query.Get("code"), State: query.Get("state"), Iss: query.Get("iss"),
		}
	})
	go http.Serve(listener, mux)
	return c, nil
}

func (c *callback) fetch(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	say("authorize", args.URL)
	select {
	case answer := <-c.answers:
		return answer, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func connect(ctx context.Context, url, era, document string) (*mcp.ClientSession, error) {
	c, err := listen()
	if err != nil {
		return nil, err
	}
	config := &auth.AuthorizationCodeHandlerConfig{
		RedirectURL:              c.redirectURI,
		AuthorizationCodeFetcher: c.fetch,
		RequestRefreshToken:      true,
	}
	if document != "" {
		config.ClientIDMetadataDocumentConfig = &auth.ClientIDMetadataDocumentConfig{URL: document}
	} else {
		config.DynamicClientRegistrationConfig = &auth.DynamicClientRegistrationConfig{
			Metadata: &oauthex.ClientRegistrationMetadata{
				ClientName:              "Go SDK",
				RedirectURIs:            []string{c.redirectURI},
				GrantTypes:              []string{"authorization_code", "refresh_token"},
				TokenEndpointAuthMethod: "none",
			},
		}
	}
	handler, err := auth.NewAuthorizationCodeHandler(config)
	if err != nil {
		return nil, err
	}
	options := &mcp.ClientSessionOptions{}
	if era == "legacy" {
		options.ProtocolVersion = "2025-11-25"
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "go-sdk", Version: "1.0.0"}, nil)
	return client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: url, OAuthHandler: handler}, options)
}

func callTool(ctx context.Context, session *mcp.ClientSession, tool string) (string, error) {
	result, err := session.CallTool(ctx, &mcp.CallToolParams{Name: tool, Arguments: map[string]any{}})
	if err != nil {
		return "", err
	}
	if text, ok := result.Content[0].(*mcp.TextContent); ok {
		return text.Text, nil
	}
	return "", errors.New("the tool answers with text")
}

func main() {
	url := flag.String("url", "", "the MCP server")
	era := flag.String("era", "", "legacy or modern")
	document := flag.String("document", "", "URL of the client's metadata document; without it, the client registers")
	flag.Parse()
	ctx := context.Background()
	var session *mcp.ClientSession
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		tool, found := strings.CutPrefix(lines.Text(), "call ")
		if !found {
			continue
		}
		var err error
		if session == nil {
			session, err = connect(ctx, *url, *era, *document)
		}
		var text string
		if err == nil {
			text, err = callTool(ctx, session, tool)
		}
		if err != nil {
			say("error", err.Error())
		} else {
			say("result", text)
		}
	}
	if session != nil {
		session.Close()
	}
}
