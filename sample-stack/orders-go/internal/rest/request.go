package rest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// The largest request of the contract is far below it.
const maxBodyBytes = 256 << 10

// timeoutHeader is what the deadline is in gRPC: how many milliseconds the client will wait.
const timeoutHeader = "X-Request-Timeout-Ms"

// limitTime returns the request's context, with the deadline that the client set.
func limitTime(r *http.Request) (context.Context, context.CancelFunc, error) {
	asked := r.Header.Get(timeoutHeader)
	if asked == "" {
		return r.Context(), func() {}, nil
	}
	// More than 32 bits of milliseconds would overflow a Duration; none is waited for anyway.
	milliseconds, err := strconv.ParseUint(asked, 10, 32)
	if err != nil || milliseconds == 0 {
		return r.Context(), func() {}, invalid("%s is %.60q; it must be a whole number of milliseconds from 1", timeoutHeader, asked)
	}
	ctx, cancel := context.WithTimeout(r.Context(), time.Duration(milliseconds)*time.Millisecond)
	return ctx, cancel, nil
}

// fromBody reads request from the JSON of the body.
func fromBody(r *http.Request, request proto.Message) error {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return &httpError{http.StatusUnsupportedMediaType, codes.InvalidArgument, "the Content-Type must be application/json"}
	}
	body, err := io.ReadAll(r.Body)
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return &httpError{
			http.StatusRequestEntityTooLarge, codes.ResourceExhausted,
			fmt.Sprintf("the body is larger than %d bytes", tooLarge.Limit),
		}
	}
	if err != nil {
		return errors.Join(invalid("the body ended too early"), err)
	}
	if err := protojson.Unmarshal(body, request); err != nil {
		return &unreadableError{request.ProtoReflect().Descriptor().Name(), err}
	}
	return nil
}

// unreadableError says that a body is not the message that it should be. The client is told what is
// wrong in its own words, which a log must not hold: they may be personal data.
type unreadableError struct {
	message protoreflect.Name
	cause   error
}

func (e *unreadableError) Error() string {
	return fmt.Sprintf("the body is not the JSON of a %s", e.message)
}

func (e *unreadableError) GRPCStatus() *status.Status {
	// The library's messages begin with "proto:" and a kind of space that changes.
	cause := strings.TrimSpace(strings.TrimPrefix(e.cause.Error(), "proto:"))
	return status.Newf(codes.InvalidArgument, "%s: %s", e, cause)
}

// fromQuery reads request from the query parameters, which are named as the fields are in JSON.
func fromQuery(r *http.Request, request proto.Message) error {
	parameters, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return invalid("the query is not URL-encoded")
	}
	message := request.ProtoReflect()
	for name, values := range parameters {
		field := message.Descriptor().Fields().ByJSONName(name)
		if field == nil {
			return invalid("there is no query parameter %.60q here", name)
		}
		if !field.IsList() && len(values) > 1 {
			return invalid("query parameter %s is given %d times", name, len(values))
		}
		for _, text := range values {
			value, err := parse(field, text)
			if err != nil {
				return err
			}
			if field.IsList() {
				message.Mutable(field).List().Append(value)
			} else {
				message.Set(field, value)
			}
		}
	}
	return nil
}

func parse(field protoreflect.FieldDescriptor, text string) (protoreflect.Value, error) {
	switch field.Kind() {
	case protoreflect.StringKind:
		if !utf8.ValidString(text) {
			return protoreflect.Value{}, invalid("query parameter %s is not UTF-8", field.JSONName())
		}
		return protoreflect.ValueOfString(text), nil
	case protoreflect.Int32Kind:
		number, err := strconv.ParseInt(text, 10, 32)
		if err != nil {
			return protoreflect.Value{}, invalid("query parameter %s is %.60q; it must be a whole number", field.JSONName(), text)
		}
		return protoreflect.ValueOfInt32(int32(number)), nil
	default:
		return protoreflect.Value{}, invalid("%s cannot be given as a query parameter", field.JSONName())
	}
}

func invalid(format string, arguments ...any) error {
	return status.Error(codes.InvalidArgument, fmt.Sprintf(format, arguments...))
}
