package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

var routes = map[string]string{
	"ListProducts":   "/v1/products",
	"Recommend":      "/v1/recommendations",
	"ListCategories": "/v1/categories",
	"GetStock":       "/v1/stock",
	"PlaceOrder":     "/v1/orders",
	"GetOrder":       "/v1/orders/",
}

type restTransport struct {
	wire
	client  *http.Client
	address string
}

func newREST(address string) *restTransport {
	t := &restTransport{address: address}
	t.client = &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			return t.dial(ctx, address)
		},
		// As many as there are calls at once: none waits for another's connection.
		MaxIdleConnsPerHost: mostAtOnce,
		DisableCompression:  true,
	}}
	return t
}

func (t *restTransport) send(ctx context.Context, call call) string {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := t.request(ctx, call)
	if err != nil {
		return err.Error()
	}
	answer, err := t.client.Do(request)
	if err != nil {
		return failure(ctx)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return failure(ctx)
	case answer.StatusCode != http.StatusOK:
		return problem(answer.StatusCode, body)
	case call.answer != nil:
		if err := protojson.Unmarshal(body, call.answer); err != nil {
			return "unreadable answer"
		}
	}
	return "OK"
}

func (t *restTransport) close() { t.client.CloseIdleConnections() }

func (t *restTransport) request(ctx context.Context, call call) (*http.Request, error) {
	method, path, body := http.MethodGet, routes[call.method], io.Reader(http.NoBody)
	message := call.request.ProtoReflect()
	switch call.method {
	case "PlaceOrder":
		encoded, err := protojson.Marshal(call.request)
		if err != nil {
			return nil, err
		}
		method, body = http.MethodPost, bytes.NewReader(encoded)
	case "GetOrder":
		path += message.Get(message.Descriptor().Fields().ByName("order_id")).String()
	default:
		path += "?" + query(message)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+t.address+path, body)
	if err != nil {
		return nil, fmt.Errorf("no request: %w", err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("X-Request-Timeout-Ms", strconv.FormatInt(callTimeout.Milliseconds(), 10))
	return request, nil
}

// query has the message's fields by their JSON names; lists are repeated.
func query(message protoreflect.Message) string {
	values := url.Values{}
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		if !field.IsList() {
			values.Set(field.JSONName(), value.String())
			return true
		}
		for i := range value.List().Len() {
			values.Add(field.JSONName(), value.List().Get(i).String())
		}
		return true
	})
	return values.Encode()
}

// problem is the gRPC status that an answer names, or its HTTP status.
func problem(httpStatus int, body []byte) string {
	var told struct{ Code string }
	if err := json.Unmarshal(body, &told); err != nil || told.Code == "" {
		return fmt.Sprintf("HTTP %d", httpStatus)
	}
	return told.Code
}

// failure names what ended a call without an answer as gRPC does.
func failure(ctx context.Context) string {
	if ctx.Err() != nil {
		return "DEADLINE_EXCEEDED"
	}
	return "UNAVAILABLE"
}
