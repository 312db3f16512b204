// Package rest is the contract over HTTP and JSON: the same services, messages and errors as by
// gRPC, in the JSON mapping of proto3.
package rest

import (
	"context"
	"errors"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
)

// Services are what the routes call.
type Services struct {
	Catalog shopv1.CatalogServer
	Stock   shopv1.StockServer
	Orders  shopv1.OrdersServer
	Health  grpc_health_v1.HealthServer
}

type handler struct {
	routes *http.ServeMux
	// unrouted answers what no route is for.
	unrouted http.Handler
	// intercept is what every call goes through, whatever it came by.
	intercept grpc.UnaryServerInterceptor
}

// NewHandler returns the routes. Every call goes through intercept, which names it by its gRPC
// method and turns what it returns into a status of the contract.
func NewHandler(services Services, intercept grpc.UnaryServerInterceptor) http.Handler {
	h := &handler{routes: http.NewServeMux(), intercept: intercept}
	// Each route by itself, for only then its span knows the route from the start.
	traced := otelhttp.NewMiddleware("")
	h.unrouted = traced(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.routes.ServeHTTP(plainRefusal{w, r}, r)
	}))
	for pattern, route := range map[string]http.Handler{
		"GET /v1/products":        route(h, shopv1.Catalog_ListProducts_FullMethodName, fromQuery, services.Catalog.ListProducts),
		"GET /v1/categories":      route(h, shopv1.Catalog_ListCategories_FullMethodName, fromQuery, services.Catalog.ListCategories),
		"GET /v1/recommendations": route(h, shopv1.Catalog_Recommend_FullMethodName, fromQuery, services.Catalog.Recommend),
		"GET /v1/stock":           route(h, shopv1.Stock_GetStock_FullMethodName, fromQuery, services.Stock.GetStock),
		"POST /v1/orders":         route(h, shopv1.Orders_PlaceOrder_FullMethodName, fromBody, services.Orders.PlaceOrder),
		"GET /v1/orders/{id}":     route(h, shopv1.Orders_GetOrder_FullMethodName, orderID, services.Orders.GetOrder),
	} {
		h.routes.Handle(pattern, traced(route))
	}
	h.routes.HandleFunc("GET /readyz", readiness(services.Health))
	return h
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if _, pattern := h.routes.Handler(r); pattern == "" {
		h.unrouted.ServeHTTP(w, r)
		return
	}
	h.routes.ServeHTTP(w, r)
}

// message is a pointer to a message of the contract.
type message[M any] interface {
	*M
	proto.Message
}

// route answers one method: read fills its request from what came over HTTP.
func route[M any, Request message[M], Response proto.Message](
	h *handler,
	method string,
	read func(*http.Request, proto.Message) error,
	call func(context.Context, Request) (Response, error),
) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		ctx, cancel, err := limitTime(r)
		defer cancel()
		var own *httpError
		info := &grpc.UnaryServerInfo{FullMethod: method}
		response, outcome := h.intercept(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
			request := Request(new(M))
			if err == nil {
				err = read(r, request)
			}
			if err != nil {
				errors.As(err, &own)
				return nil, err
			}
			return call(ctx, request)
		})
		switch {
		case own != nil:
			writeProblem(w, own.http, own.GRPCStatus())
		case outcome != nil:
			refuse(w, outcome)
		default:
			answer(w, http.StatusOK, response.(proto.Message))
		}
	})
}

// readiness is the health service's answer for the server as a whole.
func readiness(health grpc_health_v1.HealthServer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		response, err := health.Check(r.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err != nil {
			refuse(w, err)
			return
		}
		code := http.StatusOK
		if response.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
			code = http.StatusServiceUnavailable
		}
		answer(w, code, response)
	}
}

// orderID reads the request from the path.
func orderID(r *http.Request, request proto.Message) error {
	if r.URL.RawQuery != "" {
		return invalid("there are no query parameters here")
	}
	request.(*shopv1.GetOrderRequest).OrderId = r.PathValue("id")
	return nil
}

// plainRefusal turns the plain text with which the routes answer what is not for them into a
// problem of that status.
type plainRefusal struct {
	http.ResponseWriter
	request *http.Request
}

func (w plainRefusal) WriteHeader(code int) {
	writeProblem(w.ResponseWriter, code,
		status.Newf(codes.Unimplemented, "there is no %.10s %.60s here", w.request.Method, w.request.URL.Path))
}

func (w plainRefusal) Write(text []byte) (int, error) { return len(text), nil }
