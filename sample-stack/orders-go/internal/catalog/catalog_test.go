package catalog

import (
	"slices"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/shoptest"
)

func TestServer(t *testing.T) {
	server := NewServer(New(shoptest.Open(t, shoptest.NewDatabase(t))))

	t.Run("pages of a category hold each of its products once, in order", func(t *testing.T) {
		var ids []string
		request := &shopv1.ListProductsRequest{Category: "Garden", PageSize: 99}
		for {
			page, err := server.ListProducts(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			for _, product := range page.GetProducts() {
				ids = append(ids, product.GetId())
				if product.GetCategory() != "Garden" || product.GetPrice().GetMinorUnits() < 1 {
					t.Fatalf("unexpected product %v", product)
				}
			}
			if page.GetNextPageToken() == "" {
				break
			}
			request.PageToken = page.GetNextPageToken()
		}
		if len(ids) != 500 || !slices.IsSorted(ids) || len(slices.Compact(ids)) != 500 {
			t.Errorf("%d products, want 500 different ones in order", len(ids))
		}
	})

	t.Run("the last page that is just full has no next one", func(t *testing.T) {
		response, err := server.ListProducts(t.Context(), &shopv1.ListProductsRequest{
			PageSize: 24, PageToken: encodePageToken("p03976"),
		})
		if err != nil || len(response.GetProducts()) != 24 || response.GetNextPageToken() != "" {
			t.Errorf("%d products, next page %q, %v", len(response.GetProducts()), response.GetNextPageToken(), err)
		}
	})

	t.Run("an unknown category is empty", func(t *testing.T) {
		response, err := server.ListProducts(t.Context(), &shopv1.ListProductsRequest{Category: "'; DROP TABLE products"})
		if err != nil || len(response.GetProducts()) != 0 {
			t.Errorf("got %v, %v", response, err)
		}
	})

	t.Run("categories", func(t *testing.T) {
		response, err := server.ListCategories(t.Context(), &shopv1.ListCategoriesRequest{})
		if err != nil || len(response.GetCategories()) != 8 || !slices.IsSorted(response.GetCategories()) {
			t.Errorf("got %v, %v", response.GetCategories(), err)
		}
	})

	t.Run("recommendations leave out what was given", func(t *testing.T) {
		for _, given := range [][]string{nil, {"p00001"}, {"p00001", "p00009", "p00004"}} {
			response, err := server.Recommend(t.Context(), &shopv1.RecommendRequest{ProductIds: given})
			if err != nil || len(response.GetProducts()) != defaultRecommendations {
				t.Fatalf("%v: got %v, %v", given, response, err)
			}
			for _, product := range response.GetProducts() {
				if slices.Contains(given, product.GetId()) {
					t.Errorf("%v: %s is recommended", given, product.GetId())
				}
			}
		}
	})
}

// Without a database: what breaks a rule must not get that far.
func TestServerRefuses(t *testing.T) {
	server := NewServer(New(nil))
	lists := map[string]*shopv1.ListProductsRequest{
		"negative page size": {PageSize: -1},
		"page too large":     {PageSize: 101},
		"forged page token":  {PageToken: "not base64!"},
		"token of no id":     {PageToken: encodePageToken("'; DROP TABLE products")},
		"NUL in category":    {Category: "a\x00b"},
	}
	for name, request := range lists {
		if _, err := server.ListProducts(t.Context(), request); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v", name, err)
		}
	}
	recommendations := map[string]*shopv1.RecommendRequest{
		"negative limit": {Limit: -1},
		"limit too high": {Limit: 25},
		"too many given": {ProductIds: make([]string, 101)},
		"empty id":       {ProductIds: []string{""}},
		"not an id":      {ProductIds: []string{"P 1"}},
	}
	for name, request := range recommendations {
		if _, err := server.Recommend(t.Context(), request); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
