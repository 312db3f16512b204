package orders

import (
	"strconv"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/catalog"
	"hopwatch.dev/shop/orders/internal/money"
)

func euros(minorUnits int64) money.Money { return money.Money{Currency: "EUR", MinorUnits: minorUnits} }

func TestValidate(t *testing.T) {
	lines := func(count int) []Line {
		all := make([]Line, count)
		for i := range all {
			all[i] = Line{ProductID: "p" + strconv.Itoa(i), Quantity: 1}
		}
		return all
	}
	tests := map[string]struct {
		request Request
		want    codes.Code
	}{
		"one line":             {Request{Lines: lines(1), ExpectedTotal: euros(1)}, codes.OK},
		"50 lines":             {Request{Lines: lines(50), ExpectedTotal: euros(1)}, codes.OK},
		"no line":              {Request{ExpectedTotal: euros(1)}, codes.InvalidArgument},
		"51 lines":             {Request{Lines: lines(51), ExpectedTotal: euros(1)}, codes.InvalidArgument},
		"99 units":             {Request{Lines: []Line{{ProductID: "p1", Quantity: 99}}, ExpectedTotal: euros(1)}, codes.OK},
		"100 units":            {Request{Lines: []Line{{ProductID: "p1", Quantity: 100}}, ExpectedTotal: euros(1)}, codes.InvalidArgument},
		"no unit":              {Request{Lines: []Line{{ProductID: "p1"}}, ExpectedTotal: euros(1)}, codes.InvalidArgument},
		"product twice":        {Request{Lines: append(lines(2), lines(1)...), ExpectedTotal: euros(1)}, codes.InvalidArgument},
		"not a product id":     {Request{Lines: []Line{{ProductID: "P 1", Quantity: 1}}, ExpectedTotal: euros(1)}, codes.InvalidArgument},
		"no expected total":    {Request{Lines: lines(1)}, codes.InvalidArgument},
		"nothing to pay":       {Request{Lines: lines(1), ExpectedTotal: euros(0)}, codes.InvalidArgument},
		"total of no currency": {Request{Lines: lines(1), ExpectedTotal: money.Money{MinorUnits: 1}}, codes.InvalidArgument},
	}
	for name, test := range tests {
		if err := test.request.validate(); status.Code(err) != test.want {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func TestParseEmail(t *testing.T) {
	good := map[string]string{"Ann.Other+tag@Example.COM": "ann.other+tag@example.com", "a@b": "a@b"}
	for text, want := range good {
		if got, err := parseEmail(text); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{"", "ann", "@b", "a@", "Ann <ann@example.com>", "a@b,c@d", "a b@c", "a\x00@b"} {
		if got, err := parseEmail(text); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

func TestParseUUID(t *testing.T) {
	const key = "01a1fdad-459a-4146-8811-383d446cef76"
	if got, err := parseUUID("order_id", key); err != nil || got.String() != key {
		t.Errorf("got %v, %v", got, err)
	}
	for _, text := range []string{"", "x", "{" + key + "}", "x" + key + "x", "urn:uuid:" + key, key[1:]} {
		if got, err := parseUUID("order_id", text); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}

func TestPrice(t *testing.T) {
	products := map[string]catalog.Product{
		"p1": {ID: "p1", Name: "Pan", Price: euros(1050)},
		"p2": {ID: "p2", Name: "Lamp", Price: euros(1)},
		"p3": {ID: "p3", Name: "Desk", Price: money.Money{Currency: "SEK", MinorUnits: 1}},
	}
	tests := map[string]struct {
		lines []Line
		total money.Money
		want  codes.Code
	}{
		"adds up":          {[]Line{{ProductID: "p1", Quantity: 2}, {ProductID: "p2", Quantity: 3}}, euros(2103), codes.OK},
		"was cheaper":      {[]Line{{ProductID: "p1", Quantity: 2}}, euros(2000), codes.FailedPrecondition},
		"was dearer":       {[]Line{{ProductID: "p1", Quantity: 2}}, euros(2200), codes.FailedPrecondition},
		"another currency": {[]Line{{ProductID: "p1", Quantity: 1}, {ProductID: "p3", Quantity: 1}}, euros(1051), codes.FailedPrecondition},
		"unknown product":  {[]Line{{ProductID: "p4", Quantity: 1}}, euros(1), codes.NotFound},
	}
	for name, test := range tests {
		lines, err := price(Request{Lines: test.lines, ExpectedTotal: test.total}, products)
		if status.Code(err) != test.want {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
		if err == nil && (lines[0].ProductName != "Pan" || lines[0].UnitPrice != euros(1050)) {
			t.Errorf("%s: got %+v", name, lines)
		}
	}
}

func TestAnswers(t *testing.T) {
	order := Order{
		CustomerEmail: "ann@example.com", Total: euros(3),
		Lines: []Line{{"p1", "Pan", 1, euros(1)}, {"p2", "Lamp", 2, euros(1)}},
	}
	same := Request{
		CustomerEmail: "ann@example.com", ExpectedTotal: euros(3),
		Lines: []Line{{ProductID: "p2", Quantity: 2}, {ProductID: "p1", Quantity: 1}},
	}
	if !order.answers(same) {
		t.Error("the same lines in another order are the same request")
	}
	changes := map[string]func(*Request){
		"customer": func(r *Request) { r.CustomerEmail = "bob@example.com" },
		"total":    func(r *Request) { r.ExpectedTotal = euros(4) },
		"quantity": func(r *Request) { r.Lines = []Line{{ProductID: "p2", Quantity: 1}, {ProductID: "p1", Quantity: 1}} },
		"product":  func(r *Request) { r.Lines = []Line{{ProductID: "p2", Quantity: 2}, {ProductID: "p3", Quantity: 1}} },
		"a line":   func(r *Request) { r.Lines = r.Lines[:1] },
	}
	for what, change := range changes {
		other := same
		change(&other)
		if order.answers(other) {
			t.Errorf("another %s is a different request", what)
		}
	}
}
