module hopwatch.dev/shop/experiments

go 1.26.0
