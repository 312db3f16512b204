package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
)

// shop answers what a test tells it to, and keeps what it was asked.
type shop struct {
	shopv1.UnimplementedCatalogServer
	shopv1.UnimplementedStockServer
	shopv1.UnimplementedOrdersServer
	asked    proto.Message
	deadline time.Duration
	err      error
}

func (s *shop) take(ctx context.Context, request proto.Message) error {
	s.asked = request
	if at, limited := ctx.Deadline(); limited {
		s.deadline = time.Until(at)
	}
	return s.err
}

func (s *shop) ListProducts(ctx context.Context, r *shopv1.ListProductsRequest) (*shopv1.ListProductsResponse, error) {
	return &shopv1.ListProductsResponse{
		Products: []*shopv1.Product{
			{Id: "p1", Name: "Pan, \"large\"", Price: &shopv1.Money{Currency: "EUR", MinorUnits: 5790}},
		},
		NextPageToken: "next",
	}, s.take(ctx, r)
}

func (s *shop) ListCategories(ctx context.Context, r *shopv1.ListCategoriesRequest) (*shopv1.ListCategoriesResponse, error) {
	return &shopv1.ListCategoriesResponse{}, s.take(ctx, r)
}

func (s *shop) Recommend(ctx context.Context, r *shopv1.RecommendRequest) (*shopv1.RecommendResponse, error) {
	return &shopv1.RecommendResponse{}, s.take(ctx, r)
}

func (s *shop) GetStock(ctx context.Context, r *shopv1.GetStockRequest) (*shopv1.GetStockResponse, error) {
	return &shopv1.GetStockResponse{Levels: []*shopv1.StockLevel{{ProductId: "p1"}}}, s.take(ctx, r)
}

func (s *shop) PlaceOrder(ctx context.Context, r *shopv1.PlaceOrderRequest) (*shopv1.Order, error) {
	return &shopv1.Order{Id: "o1", Status: shopv1.OrderStatus_ORDER_STATUS_PLACED}, s.take(ctx, r)
}

func (s *shop) GetOrder(ctx context.Context, r *shopv1.GetOrderRequest) (*shopv1.Order, error) {
	return &shopv1.Order{Id: r.GetOrderId()}, s.take(ctx, r)
}

// start serves a shop; intercepted are the methods as the interceptor was told them.
func start(t *testing.T) (services *shop, url string, intercepted *[]string) {
	t.Helper()
	services, intercepted = &shop{}, new([]string)
	intercept := func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		*intercepted = append(*intercepted, info.FullMethod)
		response, err := handle(ctx, request)
		// As the server does it: what comes out is a bare status.
		return response, status.Convert(err).Err()
	}
	server := httptest.NewServer(NewHandler(Services{services, services, services, health.NewServer()}, intercept))
	t.Cleanup(server.Close)
	return services, server.URL, intercepted
}

func ask(t *testing.T, method, url, body string, header ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

func TestRoutes(t *testing.T) {
	services, url, intercepted := start(t)
	tests := []struct {
		method, path, body string
		rpc                string
		asked              proto.Message
		answer             string
	}{
		{
			"GET", "/v1/products?category=Bath+%26+Bed&pageSize=3&pageToken=a%2Bb", "", "Catalog/ListProducts",
			&shopv1.ListProductsRequest{Category: "Bath & Bed", PageSize: 3, PageToken: "a+b"},
			`{"products":[{"id":"p1","name":"Pan, \"large\"","price":{"currency":"EUR","minorUnits":"5790"}}],"nextPageToken":"next"}`,
		},
		{"GET", "/v1/categories", "", "Catalog/ListCategories", &shopv1.ListCategoriesRequest{}, `{}`},
		{
			"GET", "/v1/recommendations?productIds=b&productIds=a&limit=-2", "", "Catalog/Recommend",
			&shopv1.RecommendRequest{ProductIds: []string{"b", "a"}, Limit: -2}, `{}`,
		},
		{
			"GET", "/v1/stock?productIds=p1", "", "Stock/GetStock",
			&shopv1.GetStockRequest{ProductIds: []string{"p1"}}, `{"levels":[{"productId":"p1"}]}`,
		},
		{
			"POST", "/v1/orders",
			`{"idempotencyKey": "k", "lines": [{"productId": "p1", "quantity": 2}], "customer_email": "a@b", "expectedTotal": {"minorUnits": 7}}`,
			"Orders/PlaceOrder",
			&shopv1.PlaceOrderRequest{
				IdempotencyKey: "k", CustomerEmail: "a@b", Lines: []*shopv1.OrderLine{{ProductId: "p1", Quantity: 2}},
				ExpectedTotal: &shopv1.Money{MinorUnits: 7},
			},
			`{"id":"o1","status":"ORDER_STATUS_PLACED"}`,
		},
		{"GET", "/v1/orders/o%2F7", "", "Orders/GetOrder", &shopv1.GetOrderRequest{OrderId: "o/7"}, `{"id":"o/7"}`},
	}
	for _, test := range tests {
		t.Run(test.rpc, func(t *testing.T) {
			*intercepted = nil
			response, text := ask(t, test.method, url+test.path, test.body)
			if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != "application/json" || text != test.answer {
				t.Errorf("%s: %s", response.Status, text)
			}
			if !proto.Equal(services.asked, test.asked) {
				t.Errorf("asked %v, want %v", protojson.Format(services.asked), protojson.Format(test.asked))
			}
			if got := fmt.Sprint(*intercepted); got != "[/hopwatch.shop.v1."+test.rpc+"]" {
				t.Errorf("intercepted %s", got)
			}
		})
	}
}

func expectProblem(t *testing.T, response *http.Response, text string, httpStatus int, code, detail string) {
	t.Helper()
	var got problem
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if response.StatusCode != httpStatus || got.Status != httpStatus || got.Code != code || got.Type != "about:blank" ||
		!strings.Contains(got.Detail, detail) || response.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s %v, want %d %s %q", response.Status, got, httpStatus, code, detail)
	}
}

func TestErrors(t *testing.T) {
	services, url, _ := start(t)
	for code, want := range map[codes.Code]struct {
		http int
		name string
	}{
		codes.InvalidArgument: {400, "INVALID_ARGUMENT"}, codes.NotFound: {404, "NOT_FOUND"},
		codes.AlreadyExists: {409, "ALREADY_EXISTS"}, codes.FailedPrecondition: {422, "FAILED_PRECONDITION"},
		codes.ResourceExhausted: {429, "RESOURCE_EXHAUSTED"}, codes.Internal: {500, "INTERNAL"},
		codes.Unavailable: {503, "UNAVAILABLE"}, codes.DeadlineExceeded: {504, "DEADLINE_EXCEEDED"},
		codes.Canceled: {499, "CANCELLED"}, codes.DataLoss: {500, "INTERNAL"},
	} {
		services.err = status.Error(code, "why <not>")
		response, text := ask(t, "GET", url+"/v1/categories", "")
		expectProblem(t, response, text, want.http, want.name, "why <not>")
	}
}

func TestRefusals(t *testing.T) {
	services, url, _ := start(t)
	tests := map[string]struct {
		method, path, body string
		header             []string
		http               int
		code, detail       string
	}{
		"unknown path":        {"GET", "/v1/nothing", "", nil, 404, "UNIMPLEMENTED", "GET /v1/nothing"},
		"wrong method":        {"DELETE", "/v1/orders", "", nil, 405, "UNIMPLEMENTED", "DELETE /v1/orders"},
		"unknown parameter":   {"GET", "/v1/products?colour=red", "", nil, 400, "INVALID_ARGUMENT", `"colour"`},
		"parameter twice":     {"GET", "/v1/products?category=a&category=b", "", nil, 400, "INVALID_ARGUMENT", "category is given 2 times"},
		"no number":           {"GET", "/v1/products?pageSize=", "", nil, 400, "INVALID_ARGUMENT", "pageSize"},
		"too large a number":  {"GET", "/v1/products?pageSize=4294967296", "", nil, 400, "INVALID_ARGUMENT", "pageSize"},
		"no UTF-8":            {"GET", "/v1/products?category=%ff", "", nil, 400, "INVALID_ARGUMENT", "UTF-8"},
		"broken encoding":     {"GET", "/v1/products?category=%zz", "", nil, 400, "INVALID_ARGUMENT", "URL-encoded"},
		"parameter of a path": {"GET", "/v1/orders/o1?orderId=o2", "", nil, 400, "INVALID_ARGUMENT", "no query parameters"},
		"no JSON":             {"POST", "/v1/orders", "{", nil, 400, "INVALID_ARGUMENT", "JSON of a PlaceOrderRequest: "},
		"unknown field":       {"POST", "/v1/orders", `{"discount":1}`, nil, 400, "INVALID_ARGUMENT", `"discount"`},
		"no body": {
			"POST", "/v1/orders", "", []string{"Content-Type", "application/json"}, 400, "INVALID_ARGUMENT", "JSON of a PlaceOrderRequest",
		},
		"no text of UTF-8": {"POST", "/v1/orders", "{\"customerEmail\":\"\xff\"}", nil, 400, "INVALID_ARGUMENT", "UTF-8"},
		"another type":     {"POST", "/v1/orders", "{}", []string{"Content-Type", "text/plain"}, 415, "INVALID_ARGUMENT", "Content-Type"},
		"too large":        {"POST", "/v1/orders", `"` + strings.Repeat("x", maxBodyBytes) + `"`, nil, 413, "RESOURCE_EXHAUSTED", "262144"},
		"no timeout":       {"GET", "/v1/categories", "", []string{timeoutHeader, "0"}, 400, "INVALID_ARGUMENT", timeoutHeader},
		"endless timeout":  {"GET", "/v1/categories", "", []string{timeoutHeader, "4294967296"}, 400, "INVALID_ARGUMENT", timeoutHeader},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			services.asked = nil
			response, text := ask(t, test.method, url+test.path, test.body, test.header...)
			expectProblem(t, response, text, test.http, test.code, test.detail)
			if services.asked != nil {
				t.Errorf("it was asked for %v all the same", services.asked)
			}
			if allow := response.Header.Get("Allow"); test.http == 405 && allow != "POST" {
				t.Errorf("Allow: %q", allow)
			}
		})
	}
}

func TestLogsDoNotQuoteBodies(t *testing.T) {
	request := httptest.NewRequest("POST", "/v1/orders", strings.NewReader(`{"customerEmail": ann@example.com}`))
	request.Header.Set("Content-Type", "application/json")
	err := fromBody(request, &shopv1.PlaceOrderRequest{})
	if err == nil || strings.Contains(err.Error(), "ann") {
		t.Errorf("logged: %v", err)
	}
}

func TestTimeoutIsTheDeadline(t *testing.T) {
	services, url, _ := start(t)
	if response, text := ask(t, "GET", url+"/v1/categories", "", timeoutHeader, "1500"); response.StatusCode != 200 {
		t.Fatal(text)
	}
	if services.deadline <= 0 || services.deadline > 1500*time.Millisecond {
		t.Errorf("the deadline was in %v, want 1.5s", services.deadline)
	}
}

func TestReadiness(t *testing.T) {
	checks, none := health.NewServer(), &shop{}
	server := httptest.NewServer(NewHandler(Services{none, none, none, checks}, nil))
	defer server.Close()
	if response, text := ask(t, "GET", server.URL+"/readyz", ""); response.StatusCode != 200 || text != `{"status":"SERVING"}` {
		t.Errorf("%s: %s", response.Status, text)
	}
	checks.Shutdown()
	if response, text := ask(t, "GET", server.URL+"/readyz", ""); response.StatusCode != 503 || text != `{"status":"NOT_SERVING"}` {
		t.Errorf("%s: %s", response.Status, text)
	}
}
