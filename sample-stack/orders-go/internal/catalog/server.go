package catalog

import (
	"context"
	"encoding/base64"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/productid"
)

const (
	defaultPageSize, maxPageSize               = 24, 100
	defaultRecommendations, maxRecommendations = 6, 24
	maxGiven                                   = 100
)

// Server answers the gRPC service Catalog.
type Server struct {
	shopv1.UnimplementedCatalogServer
	catalog *Catalog
}

// NewServer serves catalog.
func NewServer(catalog *Catalog) *Server { return &Server{catalog: catalog} }

// ListProducts answers one page; one product more than that is read to know whether it is the last.
func (s *Server) ListProducts(
	ctx context.Context, request *shopv1.ListProductsRequest,
) (*shopv1.ListProductsResponse, error) {
	size, err := sizeOr(defaultPageSize, maxPageSize, request.GetPageSize(), "page_size")
	if err != nil {
		return nil, err
	}
	after, err := decodePageToken(request.GetPageToken())
	if err != nil {
		return nil, err
	}
	if strings.ContainsRune(request.GetCategory(), 0) {
		return nil, status.Error(codes.InvalidArgument, "category holds a NUL character")
	}
	products, err := s.catalog.List(ctx, request.GetCategory(), after, size+1)
	if err != nil {
		return nil, err
	}
	response := &shopv1.ListProductsResponse{}
	if len(products) > size {
		products = products[:size]
		response.NextPageToken = encodePageToken(products[size-1].ID)
	}
	response.Products = toProto(products)
	return response, nil
}

// Recommend answers what goes with the products given, or the best sellers.
func (s *Server) Recommend(
	ctx context.Context, request *shopv1.RecommendRequest,
) (*shopv1.RecommendResponse, error) {
	limit, err := sizeOr(defaultRecommendations, maxRecommendations, request.GetLimit(), "limit")
	if err != nil {
		return nil, err
	}
	if err := productid.CheckAll(request.GetProductIds(), 0, maxGiven); err != nil {
		return nil, err
	}
	products, err := s.catalog.Recommend(ctx, request.GetProductIds(), limit)
	if err != nil {
		return nil, err
	}
	return &shopv1.RecommendResponse{Products: toProto(products)}, nil
}

// ListCategories answers the categories that have products.
func (s *Server) ListCategories(
	ctx context.Context, _ *shopv1.ListCategoriesRequest,
) (*shopv1.ListCategoriesResponse, error) {
	names, err := s.catalog.Categories(ctx)
	if err != nil {
		return nil, err
	}
	return &shopv1.ListCategoriesResponse{Categories: names}, nil
}

func sizeOr(fallback, most int, asked int32, field string) (int, error) {
	switch size := int(asked); {
	case size == 0:
		return fallback, nil
	case size < 0 || size > most:
		return 0, status.Errorf(codes.InvalidArgument, "%s is %d; it must be 1 to %d, or 0 for %d", field, size, most, fallback)
	default:
		return size, nil
	}
}

// A page token is the last product id of the page before, encoded so that nobody builds on it.
func encodePageToken(lastID string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(lastID))
}

func decodePageToken(token string) (string, error) {
	if token == "" {
		return "", nil
	}
	id, err := base64.RawURLEncoding.DecodeString(token)
	// Decoding skips line breaks, and bits that encode nothing.
	if err != nil || productid.Check(string(id)) != nil || encodePageToken(string(id)) != token {
		return "", status.Error(codes.InvalidArgument, "page_token is not one that an earlier response gave")
	}
	return string(id), nil
}

func toProto(products []Product) []*shopv1.Product {
	wire := make([]*shopv1.Product, len(products))
	for i, p := range products {
		wire[i] = &shopv1.Product{
			Id: p.ID, Name: p.Name, Description: p.Description, Category: p.Category, Price: p.Price.Proto(),
		}
	}
	return wire
}
