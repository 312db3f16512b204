package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"sync"
	"testing"

	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// collector keeps the spans that it is sent.
type collector struct {
	collectorv1.UnimplementedTraceServiceServer
	address  string
	mu       sync.Mutex
	resource []*commonv1.KeyValue
	spans    []*tracev1.Span
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sink := &collector{address: listener.Addr().String()}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, sink)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return sink
}

func (c *collector) Export(
	_ context.Context, request *collectorv1.ExportTraceServiceRequest,
) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		c.resource = resource.GetResource().GetAttributes()
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

// spansOf returns one span of each name of a trace.
func (c *collector) spansOf(traceID string) map[string]*tracev1.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	byName := map[string]*tracev1.Span{}
	for _, span := range c.spans {
		if hex.EncodeToString(span.GetTraceId()) == traceID {
			byName[span.GetName()] = span
		}
	}
	return byName
}

func (c *collector) count(name string) (count int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if span.GetName() == name {
			count++
		}
	}
	return count
}

// expectAttributes checks that the attributes are there; an empty value stands for any.
func expectAttributes(t *testing.T, attributes []*commonv1.KeyValue, want map[string]string) {
	t.Helper()
	got := map[string]string{}
	for _, attribute := range attributes {
		switch value := attribute.GetValue().GetValue().(type) {
		case *commonv1.AnyValue_StringValue:
			got[attribute.GetKey()] = value.StringValue
		case *commonv1.AnyValue_IntValue:
			got[attribute.GetKey()] = fmt.Sprint(value.IntValue)
		}
	}
	for key, value := range want {
		if actual, found := got[key]; !found || value != "" && actual != value {
			t.Errorf("attribute %s is %q, want %q", key, actual, value)
		}
	}
}
