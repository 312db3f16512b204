package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"

	logsv1 "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	metricsv1 "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectorv1 "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	commonv1 "go.opentelemetry.io/proto/otlp/common/v1"
	logv1 "go.opentelemetry.io/proto/otlp/logs/v1"
	metricv1 "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcev1 "go.opentelemetry.io/proto/otlp/resource/v1"
	tracev1 "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
)

// collector keeps what it is sent: spans, metrics and logs.
type collector struct {
	address string

	mu sync.Mutex
	// resources are those of spans, metrics and logs.
	resources []*resourcev1.Resource
	spans     []*tracev1.Span
	metrics   map[string]*metricv1.Metric
	logs      []*logv1.LogRecord
}

func startCollector(t *testing.T) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sink := &collector{address: listener.Addr().String(), metrics: map[string]*metricv1.Metric{}}
	server := grpc.NewServer()
	collectorv1.RegisterTraceServiceServer(server, traceSink{collector: sink})
	metricsv1.RegisterMetricsServiceServer(server, metricSink{collector: sink})
	logsv1.RegisterLogsServiceServer(server, logSink{collector: sink})
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return sink
}

type traceSink struct {
	collectorv1.UnimplementedTraceServiceServer
	*collector
}

func (c traceSink) Export(
	_ context.Context, request *collectorv1.ExportTraceServiceRequest,
) (*collectorv1.ExportTraceServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.GetResourceSpans() {
		c.resources = append(c.resources, resource.GetResource())
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	return &collectorv1.ExportTraceServiceResponse{}, nil
}

type metricSink struct {
	metricsv1.UnimplementedMetricsServiceServer
	*collector
}

func (c metricSink) Export(
	_ context.Context, request *metricsv1.ExportMetricsServiceRequest,
) (*metricsv1.ExportMetricsServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.GetResourceMetrics() {
		c.resources = append(c.resources, resource.GetResource())
		for _, scope := range resource.GetScopeMetrics() {
			for _, metric := range scope.GetMetrics() {
				c.metrics[metric.GetName()] = metric
			}
		}
	}
	return &metricsv1.ExportMetricsServiceResponse{}, nil
}

type logSink struct {
	logsv1.UnimplementedLogsServiceServer
	*collector
}

func (c logSink) Export(
	_ context.Context, request *logsv1.ExportLogsServiceRequest,
) (*logsv1.ExportLogsServiceResponse, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range request.GetResourceLogs() {
		c.resources = append(c.resources, resource.GetResource())
		for _, scope := range resource.GetScopeLogs() {
			c.logs = append(c.logs, scope.GetLogRecords()...)
		}
	}
	return &logsv1.ExportLogsServiceResponse{}, nil
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

// count returns how many spans of a trace have the name.
func (c *collector) count(traceID, name string) (count int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, span := range c.spans {
		if span.GetName() == name && hex.EncodeToString(span.GetTraceId()) == traceID {
			count++
		}
	}
	return count
}

// logsOf returns the log records of a trace.
func (c *collector) logsOf(traceID string) []*logv1.LogRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.logs), func(record *logv1.LogRecord) bool {
		return hex.EncodeToString(record.GetTraceId()) != traceID
	})
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
		case *commonv1.AnyValue_DoubleValue:
			got[attribute.GetKey()] = fmt.Sprint(value.DoubleValue)
		}
	}
	for key, value := range want {
		if actual, found := got[key]; !found || value != "" && actual != value {
			t.Errorf("attribute %s is %q, want %q", key, actual, value)
		}
	}
}
