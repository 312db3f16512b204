// Package productid checks the product ids of requests.
package productid

import (
	"regexp"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

var pattern = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

// Check returns INVALID_ARGUMENT for what cannot be the id of a product.
func Check(id string) error {
	if !pattern.MatchString(id) {
		return status.Errorf(codes.InvalidArgument,
			"product id %.60q must be 1 to 40 lower-case letters, digits or hyphens", id)
	}
	return nil
}

// CheckAll checks every id, and that there are least to most of them.
func CheckAll(ids []string, least, most int) error {
	if len(ids) < least || len(ids) > most {
		return status.Errorf(codes.InvalidArgument, "%d product ids given; it must be %d to %d", len(ids), least, most)
	}
	for _, id := range ids {
		if err := Check(id); err != nil {
			return err
		}
	}
	return nil
}
