package stock

import (
	"context"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/productid"
)

const maxAsked = 200

// Server answers the gRPC service Stock.
type Server struct {
	shopv1.UnimplementedStockServer
	stock *Stock
}

// NewServer serves stock.
func NewServer(stock *Stock) *Server { return &Server{stock: stock} }

// GetStock answers in the order of the request; a product asked for twice is answered twice.
func (s *Server) GetStock(
	ctx context.Context, request *shopv1.GetStockRequest,
) (*shopv1.GetStockResponse, error) {
	ids := request.GetProductIds()
	if err := productid.CheckAll(ids, 1, maxAsked); err != nil {
		return nil, err
	}
	units, err := s.stock.Levels(ctx, ids)
	if err != nil {
		return nil, err
	}
	response := &shopv1.GetStockResponse{Levels: make([]*shopv1.StockLevel, 0, len(ids))}
	for _, id := range ids {
		if u, known := units[id]; known {
			response.Levels = append(response.Levels, &shopv1.StockLevel{ProductId: id, Units: u})
		}
	}
	return response, nil
}
