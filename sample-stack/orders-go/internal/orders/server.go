package orders

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/money"
)

// Server answers the gRPC service Orders.
type Server struct {
	shopv1.UnimplementedOrdersServer
	orders *Orders
}

// NewServer serves orders.
func NewServer(orders *Orders) *Server { return &Server{orders: orders} }

// PlaceOrder places an order, or answers one that was placed by the same request before.
func (s *Server) PlaceOrder(ctx context.Context, wire *shopv1.PlaceOrderRequest) (*shopv1.Order, error) {
	request, err := fromProto(wire)
	if err != nil {
		return nil, err
	}
	order, err := s.orders.Place(ctx, request)
	if err != nil {
		return nil, err
	}
	return toProto(order), nil
}

// GetOrder answers an order that was placed before.
func (s *Server) GetOrder(ctx context.Context, request *shopv1.GetOrderRequest) (*shopv1.Order, error) {
	id, err := parseUUID("order_id", request.GetOrderId())
	if err != nil {
		return nil, err
	}
	order, err := s.orders.Store.ByID(ctx, id)
	if errors.Is(err, errNoOrder) {
		return nil, status.Errorf(codes.NotFound, "there is no order %s", id)
	}
	if err != nil {
		return nil, err
	}
	return toProto(order), nil
}

func fromProto(wire *shopv1.PlaceOrderRequest) (Request, error) {
	key, err := parseUUID("idempotency_key", wire.GetIdempotencyKey())
	if err != nil {
		return Request{}, err
	}
	email, err := parseEmail(wire.GetCustomerEmail())
	if err != nil {
		return Request{}, err
	}
	lines := make([]Line, len(wire.GetLines()))
	for i, line := range wire.GetLines() {
		lines[i] = Line{ProductID: line.GetProductId(), Quantity: line.GetQuantity()}
	}
	return Request{
		IdempotencyKey: key,
		CustomerEmail:  email,
		Lines:          lines,
		ExpectedTotal:  money.FromProto(wire.GetExpectedTotal()),
	}, nil
}

func toProto(order Order) *shopv1.Order {
	lines := make([]*shopv1.OrderLine, len(order.Lines))
	for i, line := range order.Lines {
		lines[i] = &shopv1.OrderLine{
			ProductId:   line.ProductID,
			ProductName: line.ProductName,
			Quantity:    line.Quantity,
			UnitPrice:   line.UnitPrice.Proto(),
		}
	}
	return &shopv1.Order{
		Id:            order.ID.String(),
		Lines:         lines,
		Total:         order.Total.Proto(),
		Status:        shopv1.OrderStatus_ORDER_STATUS_PLACED,
		PlacedAt:      timestamppb.New(order.PlacedAt),
		CustomerEmail: order.CustomerEmail,
	}
}
