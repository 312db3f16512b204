package rest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// httpStatus is what gRPC's codes are in HTTP.
var httpStatus = map[codes.Code]int{
	codes.InvalidArgument:    http.StatusBadRequest,
	codes.NotFound:           http.StatusNotFound,
	codes.AlreadyExists:      http.StatusConflict,
	codes.FailedPrecondition: http.StatusUnprocessableEntity,
	codes.ResourceExhausted:  http.StatusTooManyRequests,
	// Nobody reads it; the number is the one that proxies use for it.
	codes.Canceled:         499,
	codes.Internal:         http.StatusInternalServerError,
	codes.Unimplemented:    http.StatusNotImplemented,
	codes.Unavailable:      http.StatusServiceUnavailable,
	codes.DeadlineExceeded: http.StatusGatewayTimeout,
}

// httpError is an error that HTTP has a status of its own for.
type httpError struct {
	http    int
	code    codes.Code
	message string
}

func (e *httpError) Error() string { return e.message }

func (e *httpError) GRPCStatus() *status.Status { return status.New(e.code, e.message) }

// problem is RFC 9457's, with the name of the gRPC code, by which clients can go on as with gRPC.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

// refuse answers an error of the contract.
func refuse(w http.ResponseWriter, err error) {
	outcome := status.Convert(err)
	if _, known := httpStatus[outcome.Code()]; !known {
		outcome = status.New(codes.Internal, outcome.Message())
	}
	writeProblem(w, httpStatus[outcome.Code()], outcome)
}

func writeProblem(w http.ResponseWriter, httpCode int, outcome *status.Status) {
	body, err := json.Marshal(problem{
		"about:blank", http.StatusText(httpCode), httpCode, outcome.Message(), code.Code(outcome.Code()).String(),
	})
	if err != nil {
		panic(err) // texts and a number
	}
	write(w, httpCode, "application/problem+json", body)
}

// answer writes a message as the canonical JSON of proto3.
func answer(w http.ResponseWriter, code int, message proto.Message) {
	text, err := protojson.Marshal(message)
	if err != nil {
		refuse(w, status.Error(codes.Internal, "internal error"))
		return
	}
	// The library puts spaces after the commas in some builds and none in others, on purpose. What is
	// on the wire, and what it costs, is to be the same for all.
	compact := bytes.NewBuffer(make([]byte, 0, len(text)))
	if err := json.Compact(compact, text); err != nil {
		panic(err) // it was written as JSON
	}
	write(w, code, "application/json", compact.Bytes())
}

func write(w http.ResponseWriter, code int, contentType string, body []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(code)
	// A client that has gone cannot be told.
	_, _ = w.Write(body)
}
